//! Secrets: stored credentials, without their values.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{HostPattern, Injection, PathPattern, SecretId};

/// What a stored credential is, where it may go and how it is put in. Its value is kept apart, sealed.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Its name, unique.
    pub name: String,
    /// What it is.
    pub kind: SecretType,
    /// The hosts that it may go to.
    pub host_pattern: HostPattern,
    /// The paths that it may go to.
    pub path_pattern: PathPattern,
    /// How it is put in.
    pub injection: Injection,
    /// Whether it may travel without TLS.
    pub allow_plain_http: bool,
    /// At most the last four characters of a value of twelve or more.
    pub preview: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    pub updated_at: OffsetDateTime,
    /// When it was put in last.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it stops being put in.
    pub expires_at: Option<OffsetDateTime>,
}

impl Secret {
    /// Whether both fit the same requests equally well and fill the same place.
    #[must_use]
    pub fn is_rival_of(&self, other: &Self) -> bool {
        self.id != other.id
            && self.host_pattern.to_string() == other.host_pattern.to_string()
            && self.path_pattern.as_str() == other.path_pattern.as_str()
            && self.injection.excludes(&other.injection)
    }
}

/// What a credential is; decides the defaults of where it goes and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretType {
    /// Described in full by its host pattern and injection.
    Generic,
    /// A key or OAuth token of Anthropic's API.
    Anthropic,
    /// A key of OpenAI's API.
    Openai,
}

impl SecretType {
    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Generic => "Generic",
            Self::Anthropic => "Anthropic",
            Self::Openai => "OpenAI",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Generic, Self::Anthropic, Self::Openai].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The host pattern of a secret that names none.
    #[must_use]
    pub fn default_host(self) -> Option<&'static str> {
        match self {
            Self::Generic => None,
            Self::Anthropic => Some("api.anthropic.com"),
            Self::Openai => Some("api.openai.com"),
        }
    }
}
