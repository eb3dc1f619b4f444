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

/// So many events are looked at for one page where no index leads to those that fit. The page's cursor then leads on from there.
pub const WALK: u64 = 25_000;

impl AuditQuery {
    /// Whether events have to be looked at one by one: nothing that is asked for has an index that finds it.
    #[must_use]
    pub fn is_walk(&self) -> bool {
        self.text.is_some()
            || self.method.is_some()
            || self.status.is_some_and(|status| status < FAILED)
            || self.rule.is_some()
            || self.secret.is_some()
            || self.injected.is_some()
    }
}

/// Answers from this status on are rare enough to have an index.
pub(crate) const FAILED: u16 = 400;

/// A page of audit events.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// Newest arrival first.
    pub events: Vec<AuditEvent>,
    /// The cursor of the next page; none if this is the last one. There may be one although the page is not full: it took too long to
    /// look further.
    pub next: Option<u64>,
}
