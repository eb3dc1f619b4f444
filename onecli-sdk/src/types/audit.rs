//! The audit log.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

/// What is kept of an exchange, or of a change by a person. Never a query string, a header, a body or a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct AuditEvent {
    /// The exchange's id.
    pub id: Uuid,
    /// When it was received.
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    /// What it is about.
    pub kind: AuditKind,
    /// The person or key that acted; none for a request of an agent.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub actor: Option<String>,
    /// The address that it came from.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub source: Option<String>,
    /// The agent.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub agent_id: Option<Uuid>,
    /// The agent's name at that time.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub agent_name: Option<String>,
    /// The agent's parent.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub parent_agent_id: Option<Uuid>,
    /// The method, as received.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub method: Option<String>,
    /// `http` or `https`.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub scheme: Option<String>,
    /// The host.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub host: Option<String>,
    /// The port.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub port: Option<u16>,
    /// The path as the agent sent it, without the query.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub path: Option<String>,
    /// How it ended.
    pub decision: AuditDecision,
    /// Why it ended so.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub reason: Option<String>,
    /// Why no secret was put in.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub not_injected_because: Option<String>,
    /// The rule that decided.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub rule_id: Option<Uuid>,
    /// That rule's name at that time.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub rule_name: Option<String>,
    /// The secrets that were put in.
    #[serde(default)]
    pub secret_ids: Vec<Uuid>,
    /// The limits that counted it.
    #[serde(default)]
    pub limits: Vec<AuditLimit>,
    /// Under which id it was held for approval, if it was.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub approval_id: Option<Uuid>,
    /// The gateway that served it.
    pub gateway: String,
    /// The status that the agent got.
    #[cfg_attr(feature = "openapi", oai(nullable))]
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
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub error: Option<String>,
}

/// A limit that counted an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase"))]
pub struct AuditLimit {
    /// The rule that limits.
    pub rule_id: Uuid,
    /// That rule's name at that time.
    pub rule_name: String,
    /// How many were used in its window.
    pub used: u64,
    /// How many there may be.
    pub limit: u64,
    /// The window's length, such as `minute` or `30s`.
    pub window: String,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum AuditKind {
    /// A request of an agent.
    Request,
    /// A change by a person or a script.
    Admin,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "snake_case"))]
pub enum AuditDecision {
    /// It passed.
    Allowed,
    /// It passed through a connection that is not looked into.
    Tunnelled,
    /// A rule or the default policy stopped it.
    Blocked,
    /// A rate limit had no room.
    RateLimited,
    /// It could not be served as it was, or its destination is not open.
    Refused,
    /// Something broke, or the client went away before a response.
    Failed,
    /// The gateway stopped in the middle of it.
    Interrupted,
    /// It was running when its agent or a new block ended it.
    Revoked,
}

impl AuditDecision {
    /// As it stands in the API.
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
}

/// Which audit events are asked for; every part that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this agent: identifier or id.
    pub agent: Option<String>,
    /// To this host.
    pub host: Option<String>,
    /// That ended so.
    pub decision: Option<AuditDecision>,
    /// With this method.
    pub method: Option<String>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// Into which this secret was put: its id.
    pub secret: Option<String>,
    /// Decided by this rule: its id.
    pub rule: Option<String>,
    /// Into which any secret was put, or none.
    pub injected: Option<bool>,
    /// Received at or after.
    pub since: Option<OffsetDateTime>,
    /// Received before.
    pub until: Option<OffsetDateTime>,
    /// With this text somewhere in it.
    pub text: Option<String>,
    /// How many at the most.
    pub limit: Option<u32>,
    /// From where to go on.
    pub cursor: Option<String>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum AuditFormat {
    /// One JSON object on each line.
    Ndjson,
    /// Comma-separated values (RFC 4180), with names in the first line.
    Csv,
}
