//! The decision on an exchange.

use std::sync::Arc;

use super::{
    Facts, Permit, Permitted, Verdict,
    selection::{CHOICE, select},
};
use crate::{
    clock,
    destination::{DestinationGuard, GuardError},
    exchange::{Exchange, Received},
    policy::Policy,
    refusal::{Cause, Refused},
};

/// Judges exchanges by the policy in force.
#[derive(Debug)]
pub struct RuleEngine {
    policy: Arc<Policy>,
    guard: Arc<DestinationGuard>,
}

/// What becomes of an exchange.
#[derive(Debug)]
pub enum Decision {
    /// It goes no further.
    Deny(Box<Refused>),
    /// It may go on, with the proof of that.
    Allow(Box<Exchange<Permitted>>),
}

impl RuleEngine {
    /// An engine that judges by `policy` and keeps to the destinations of `guard`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, guard: Arc<DestinationGuard>) -> Self {
        Self { policy, guard }
    }

    /// Judges an exchange by the policy of this moment. What can't be judged is denied.
    pub async fn decide(&self, mut exchange: Exchange<Received>) -> Decision {
        match self.judge(&mut exchange).await {
            Ok(permit) => Decision::Allow(Box::new(exchange.advance(Permitted::by(permit)))),
            Err(cause) => Decision::Deny(Box::new(Refused { cause, ticket: exchange.ticket })),
        }
    }

    async fn judge(&self, exchange: &mut Exchange<Received>) -> Result<Permit, Cause> {
        let snapshot = self.policy.snapshot().map_err(|_| Cause::StoreUnavailable)?;
        let head = &exchange.head;
        let facts = Facts::of(&exchange.agent, &exchange.target, &head.method, &head.headers)
            .map_err(Cause::BadRequest)?;
        match Self::evaluate(&facts, &snapshot).verdict {
            Verdict::Blocked(rule) => {
                exchange.ticket.note_rule(&rule);
                return Err(Cause::BlockedByPolicy { rule: rule.id, name: rule.name.clone() });
            }
            Verdict::NotGranted => return Err(Cause::BlockedByDefaultPolicy),
            Verdict::Allowed(Some(rule)) => exchange.ticket.note_rule(&rule),
            Verdict::Allowed(None) => {}
        }
        let allowed = &snapshot.settings().allow_private;
        self.guard.check(&exchange.target.host, exchange.target.port, allowed).await.map_err(Cause::from)?;
        let selection = select(&facts, &snapshot, head.headers.get(CHOICE), clock::now())?;
        Ok(Permit::grant(selection.secrets, selection.not_injected_because))
    }
}

impl From<GuardError> for Cause {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::NotAllowed { .. } => Self::DestinationNotAllowed(error.to_string()),
            GuardError::Dns(detail) => Self::DnsFailed(detail),
        }
    }
}
