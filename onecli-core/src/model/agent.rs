//! Agents: the principals that send requests.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::AgentId;

/// Who sends requests through the gateway. Its access token is kept apart, hashed and sealed.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What people call it.
    pub name: String,
    /// What scripts call it.
    pub identifier: Identifier,
    /// Whether it is the one that is meant when none is named.
    pub is_default: bool,
    /// Which secrets it may use.
    pub secret_mode: SecretMode,
    /// A disabled agent's token is not valid.
    pub enabled: bool,
    /// The agent as which it counts in rules, secrets and limits.
    pub parent_id: Option<AgentId>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its last request came.
    pub last_seen_at: Option<OffsetDateTime>,
    /// When its token stops being valid.
    pub expires_at: Option<OffsetDateTime>,
}

impl Agent {
    /// Whether its token is valid at `now`.
    #[must_use]
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Which secrets an agent may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretMode {
    /// Every secret.
    #[default]
    All,
    /// Those that were assigned to it.
    Selective,
}

impl SecretMode {
    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Selective => "selective",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::All, Self::Selective].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A short name for scripts: `[a-z0-9][a-z0-9-]{0,49}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Identifier(Box<str>);

/// The text is not an [`Identifier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 1 to 50 characters of a-z, 0-9 and -, not beginning with -, such as ci-release")]
pub struct InvalidIdentifier;

impl Identifier {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match (1..=50).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed) {
            true => Ok(Self(text.into())),
            false => Err(InvalidIdentifier),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
