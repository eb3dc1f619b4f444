//! Questions to the audit log.

use time::OffsetDateTime;

use crate::model::{AgentId, AuditEvent, Decision, RuleId, SecretId};

/// Which audit events are asked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Of this agent or a child of it.
    pub agent: Option<AgentId>,
    /// To this host, canonical.
    pub host: Option<String>,
    /// That ended so.
    pub decision: Option<Decision>,
    /// With this method.
    pub method: Option<String>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// Into which this secret was put.
    pub secret: Option<SecretId>,
    /// Decided by this rule.
    pub rule: Option<RuleId>,
    /// Into which any secret was put, or none.
    pub injected: Option<bool>,
    /// Received at or after.
    pub since: Option<OffsetDateTime>,
    /// Received before.
    pub until: Option<OffsetDateTime>,
    /// With this text in host, path, agent's name, rule's name, reason or error, in any case.
    pub text: Option<String>,
    /// How many at the most, 1 to 1,000.
    pub limit: u32,
    /// From where to go on: [`AuditPage::next`] of the page before.
    pub cursor: Option<u64>,
}

/// A page of audit events.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// Newest arrival first.
    pub events: Vec<AuditEvent>,
    /// The cursor of the next page; none if this is the last one.
    pub next: Option<u64>,
}
