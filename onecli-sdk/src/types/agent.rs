//! Agents: the principals that send requests.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use super::AccessToken;

/// A principal that sends requests through the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct Agent {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What scripts call it; unique.
    pub identifier: String,
    /// Its access token; only in the answers that exist to hand it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none, read_only))]
    pub access_token: Option<AccessToken>,
    /// Whether it is the one that is meant when none is named.
    pub is_default: bool,
    /// Which secrets it may use.
    pub secret_mode: SecretMode,
    /// A disabled agent's token is not valid.
    pub enabled: bool,
    /// The agent as which it counts in rules, secrets and limits.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub parent_id: Option<Uuid>,
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its last request came.
    #[serde(default, with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub last_seen_at: Option<OffsetDateTime>,
    /// When its token stops being valid.
    #[serde(default, with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub expires_at: Option<OffsetDateTime>,
}

/// Which secrets an agent may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum SecretMode {
    /// Every secret.
    All,
    /// Those that were assigned to it.
    Selective,
}

/// A new agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct CreateAgent {
    /// What people call it.
    pub name: String,
    /// What scripts call it; unique. 1 to 50 characters of a-z, 0-9 and -, not beginning with -.
    pub identifier: String,
    /// The agent as which it counts in rules, secrets and limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub parent_identifier: Option<String>,
    /// For how many seconds its token is valid; without it, for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub ttl_seconds: Option<u64>,
}

/// Changes of an agent; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct UpdateAgent {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub name: Option<String>,
    /// A disabled agent's token is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub enabled: Option<bool>,
    /// Makes it the default one; only `true` can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub is_default: Option<bool>,
}

/// A new access token, handed out once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct AccessTokenAnswer {
    /// The token; the one before is no longer valid.
    pub access_token: AccessToken,
}

/// The secrets that are assigned to an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct AgentSecrets {
    /// Their ids.
    pub secret_ids: Vec<Uuid>,
}

/// Which secrets an agent shall be allowed to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct SetSecretMode {
    /// All, or those that are assigned to it.
    pub mode: SecretMode,
}
