//! The decision on an exchange.

use std::{sync::Arc, time::Duration};

use super::{
    Facts, Permit, Permitted, Verdict,
    running::Running,
    selection::{CHOICE, Selection, select},
};
use crate::{
    audit::Ticket,
    clock,
    destination::{DestinationGuard, GuardError},
    exchange::{Exchange, Received},
    model::{LimitUse, Rule},
    policy::{Policy, PolicyAgent},
    refusal::{Cause, Refused},
    store::{LimitClaim, LimitStore, Taking},
};

/// Judges exchanges by the policy in force.
pub struct RuleEngine {
    pub(super) policy: Arc<Policy>,
    pub(super) guard: Arc<DestinationGuard>,
    limits: Arc<dyn LimitStore>,
    pub(super) running: Arc<Running>,
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
    /// An engine that judges by `policy`, keeps to the destinations of `guard`, and counts in `limits`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, guard: Arc<DestinationGuard>, limits: Arc<dyn LimitStore>) -> Self {
        Self { policy, guard, limits, running: Arc::default() }
    }

    /// Judges an exchange by the policy of this moment. What can't be judged is denied.
    pub async fn decide(&self, mut exchange: Exchange<Received>) -> Decision {
        // Watched before it is judged, so that no change falls between the two.
        let watch = self.running.watch_request(&exchange);
        match self.judge(&mut exchange).await {
            Ok(Selection { secrets, not_injected_because }) => {
                let permit = Permit::grant(secrets, not_injected_because, watch);
                Decision::Allow(Box::new(exchange.advance(Permitted::by(permit))))
            }
            Err(cause) => Decision::Deny(Box::new(Refused { cause, ticket: exchange.ticket })),
        }
    }

    async fn judge(&self, exchange: &mut Exchange<Received>) -> Result<Selection, Cause> {
        let snapshot = self.policy.snapshot().map_err(|_| Cause::StoreUnavailable)?;
        let head = &exchange.head;
        let facts = Facts::of(&exchange.agent, &exchange.target, &head.method, &head.headers)
            .map_err(Cause::BadRequest)?;
        let evaluation = Self::evaluate(&facts, &snapshot);
        match evaluation.verdict {
            Verdict::Blocked(rule) => {
                exchange.ticket.note_rule(&rule);
                return Err(Cause::blocked_by(&rule));
            }
            Verdict::NotGranted => return Err(Cause::BlockedByDefaultPolicy),
            Verdict::Allowed(Some(rule)) => exchange.ticket.note_rule(&rule),
            Verdict::Allowed(None) => {}
        }
        let allowed = &snapshot.settings().allow_private;
        self.guard.check(&exchange.target.host, exchange.target.port, allowed).await.map_err(Cause::from)?;
        let selection = select(&facts, &snapshot, head.headers.get(CHOICE), clock::now())?;
        // The last step: what is refused for another reason costs nothing.
        self.take(&evaluation.limits, &exchange.agent, &mut exchange.ticket).await?;
        Ok(selection)
    }
}

impl RuleEngine {
    /// Takes one from each limit, or from none.
    pub(super) async fn take(
        &self, limits: &[Arc<Rule>], agent: &PolicyAgent, ticket: &mut Ticket,
    ) -> Result<(), Cause> {
        let agent = agent.agent.parent_id.unwrap_or(agent.agent.id);
        let counted: Vec<(&Rule, LimitClaim)> = limits
            .iter()
            .filter_map(|rule| {
                Some((&**rule, LimitClaim { rule: rule.id, agent, limit: rule.action.rate_limit()? }))
            })
            .collect();
        if counted.is_empty() {
            return Ok(());
        }
        let claims: Vec<LimitClaim> = counted.iter().map(|(_, claim)| *claim).collect();
        match self.limits.take_limits(&claims).await {
            Ok(Taking::Taken { used }) => {
                let uses = counted.iter().zip(used).map(|((rule, claim), used)| use_of(rule, claim, used));
                ticket.note_limits(uses.collect());
                Ok(())
            }
            Ok(Taking::Full { claim, used, retry_after }) => {
                let (rule, claim) = counted.get(claim).ok_or(Cause::LimitsUnavailable)?;
                ticket.note_rule(rule);
                ticket.note_limits(vec![use_of(rule, claim, used)]);
                Err(Cause::RateLimited {
                    rule: rule.id,
                    name: rule.name.clone(),
                    limit: claim.limit,
                    retry_after_seconds: whole_seconds(retry_after),
                })
            }
            Err(error) => {
                tracing::error!(error = %crate::error_chain(&error), "rate limits can't be counted");
                Err(Cause::LimitsUnavailable)
            }
        }
    }
}

fn use_of(rule: &Rule, claim: &LimitClaim, used: u32) -> LimitUse {
    LimitUse {
        rule_id: rule.id,
        rule_name: rule.name.clone(),
        used,
        limit: claim.limit.requests(),
        window: claim.limit.window().to_string(),
    }
}

/// Rounded up, and never 0: who waits so long finds room.
fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

impl std::fmt::Debug for RuleEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleEngine").finish_non_exhaustive()
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
