//! Audit events: what is kept of an exchange.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AgentId, EventId, RuleId, SecretId};

/// What is kept of an exchange. Never a query string, a header, a body or a secret's value. A copy shares its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The exchange's id.
    pub id: EventId,
    /// When it was received.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What it is about.
    pub kind: EventKind,
    /// The person or key that acted; none for a request of an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
    /// The agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// The agent's name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<Arc<str>>,
    /// The agent's parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_agent_id: Option<AgentId>,
    /// The method, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Cow<'static, str>>,
    /// `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Cow<'static, str>>,
    /// The host, canonical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path as the agent sent it, without the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Arc<str>>,
    /// How it ended.
    pub decision: Decision,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// Why no secret was put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_injected_because: Option<Cow<'static, str>>,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<RuleId>,
    /// That rule's name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<Arc<str>>,
    /// The secrets that were put in.
    pub secret_ids: Vec<SecretId>,
    /// The rate limits that it took from, or the one that had no room.
    #[serde(default)]
    pub limits: Vec<LimitUse>,
    /// The gateway that served it.
    pub gateway: Arc<str>,
    /// The status that the agent got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// From receipt to the end, in milliseconds.
    pub duration_ms: u64,
    /// How many equal exchanges this event stands for.
    pub count: u64,
    /// What went wrong, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'static, str>>,
}

/// How far a rate limit was used when an exchange was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// The rule.
    pub rule_id: RuleId,
    /// Its name at that time.
    pub rule_name: String,
    /// How many were used, this one included if it passed.
    pub used: u32,
    /// Of how many.
    pub limit: u32,
    /// In how long.
    pub window: String,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A request of an agent.
    Request,
    /// A change by a person or a script.
    Admin,
}

impl EventKind {
    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Admin => "admin",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Request, Self::Admin].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It passed.
    Allowed,
    /// It passed through a connection that is not looked into.
    Tunnelled,
    /// A rule or the default policy stopped it.
    Blocked,
    /// A rate limit had no room.
    RateLimited,
    /// It could not be served as it was: 400, 407, 413, 414, 421, 431, or a destination that is not open.
    Refused,
    /// Something broke: 500, 502, 503, 504, or the client went away before a response.
    Failed,
    /// The gateway stopped in the middle of it.
    Interrupted,
    /// It was running when its agent or a new block ended it.
    Revoked,
}

impl Decision {
    const ALL: [Self; 8] = [
        Self::Allowed,
        Self::Tunnelled,
        Self::Blocked,
        Self::RateLimited,
        Self::Refused,
        Self::Failed,
        Self::Interrupted,
        Self::Revoked,
    ];

    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Tunnelled => "tunnelled",
            Self::Blocked => "blocked",
            Self::RateLimited => "rate_limited",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Revoked => "revoked",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == name)
    }
}
