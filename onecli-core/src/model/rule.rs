//! Rules: what may pass.

use time::OffsetDateTime;

use super::{AgentId, Condition, HostPattern, PathPattern, RateLimit, RuleId};

/// What a request must be like, and what then happens to it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The hosts that it is about.
    pub host_pattern: HostPattern,
    /// The paths that it is about.
    pub path_pattern: PathPattern,
    /// The methods that it is about, upper-case; none: all.
    pub methods: Vec<String>,
    /// What else a request must be like; all must hold.
    pub conditions: Vec<Condition>,
    /// What happens to a request that it matches.
    pub action: Action,
    /// A rule that is not enabled matches nothing.
    pub enabled: bool,
    /// The agent that it is about, with its children; none: all.
    pub agent_id: Option<AgentId>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    pub updated_at: OffsetDateTime,
}

/// What happens to a request that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is refused.
    Block,
    /// It passes as long as there is room, and is granted where the default policy asks for a grant.
    RateLimit(RateLimit),
    /// It is granted, where the default policy asks for a grant.
    Allow,
}

impl Action {
    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::RateLimit(_) => "rate_limit",
            Self::Allow => "allow",
        }
    }

    /// Reads what [`Self::as_str`] writes, with the limit of an action that has one.
    #[must_use]
    pub fn from_name(name: &str, limit: Option<RateLimit>) -> Option<Self> {
        match (name, limit) {
            ("block", None) => Some(Self::Block),
            ("rate_limit", Some(limit)) => Some(Self::RateLimit(limit)),
            ("allow", None) => Some(Self::Allow),
            _ => None,
        }
    }

    /// The limit, if it is one.
    #[must_use]
    pub fn rate_limit(self) -> Option<RateLimit> {
        match self {
            Self::RateLimit(limit) => Some(limit),
            Self::Block | Self::Allow => None,
        }
    }
}
