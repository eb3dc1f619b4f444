//! Secrets: stored credentials. Their values go in and never come out.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use super::{Patch, SecretInput};

/// A stored credential, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct Secret {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: SecretType,
    /// Its type's name for people.
    pub type_label: String,
    /// The hosts that it may go to.
    pub host_pattern: String,
    /// The paths that it may go to; `null`: all.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub path_pattern: Option<String>,
    /// How it is put in; `null`: as its type says.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub injection_config: Option<InjectionConfig>,
    /// Whether it may travel without TLS.
    pub allow_plain_http: bool,
    /// At most the last four characters of a value of twelve or more.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub preview: Option<String>,
    /// What to look at, for people.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    #[serde(with = "rfc3339")]
    pub updated_at: OffsetDateTime,
    /// When it was put in last.
    #[serde(default, with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it stops being put in.
    #[serde(default, with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub expires_at: Option<OffsetDateTime>,
}

/// What a credential is; decides the defaults of where it goes and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum SecretType {
    /// Described in full by its host pattern and injection.
    Generic,
    /// A key or OAuth token of Anthropic's API.
    Anthropic,
    /// A key of OpenAI's API.
    Openai,
}

/// How a generic secret is put in, by one of four ways: `headerName` with or without `valueFormat`, `basicUsername`,
/// `paramName` with or without `paramFormat`, or `pathTemplate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct InjectionConfig {
    /// The header that carries the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub header_name: Option<String>,
    /// The header's text, with `{value}` in the place of the value; `{value}` alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub value_format: Option<String>,
    /// The user name of `Authorization: Basic`, whose password is the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub basic_username: Option<String>,
    /// The parameter of the query that carries the value; one that is there already is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub param_name: Option<String>,
    /// The parameter's text, with `{value}` in the place of the value; `{value}` alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub param_format: Option<String>,
    /// A path such as `/bot{value}/*`: the agent sends any text in the place of `{value}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub path_template: Option<String>,
}

/// A new secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct CreateSecret {
    /// Its name, unique.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: SecretType,
    /// Its value, 1 byte to 16 KiB. Never answered again.
    #[cfg_attr(feature = "openapi", oai(write_only))]
    pub value: SecretInput,
    /// The hosts that it may go to, such as `api.example.com` or `*.example.com`; needed for `generic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pattern: Option<String>,
    /// The paths that it may go to, such as `/v1/*`; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_pattern: Option<String>,
    /// How it is put in; needed for `generic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection_config: Option<InjectionConfig>,
    /// Whether it may travel without TLS; absent: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_plain_http: Option<bool>,
    /// When it stops being put in; absent: never.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<OffsetDateTime>,
}

/// Changes of a secret; what is absent stays as it is, `null` clears.
///
/// A change of where it goes or how it is put in needs its value again.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct UpdateSecret {
    /// Its name, unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: Option<SecretType>,
    /// Its new value, 1 byte to 16 KiB. Never answered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(write_only))]
    pub value: Option<SecretInput>,
    /// The hosts that it may go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pattern: Option<String>,
    /// The paths that it may go to; `null`: all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub path_pattern: Patch<String>,
    /// How it is put in; `null`: as its type says.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub injection_config: Patch<InjectionConfig>,
    /// Whether it may travel without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_plain_http: Option<bool>,
    /// When it stops being put in; `null`: never.
    #[serde(default, with = "super::patch::rfc3339", skip_serializing_if = "Patch::is_keep")]
    pub expires_at: Patch<OffsetDateTime>,
}
