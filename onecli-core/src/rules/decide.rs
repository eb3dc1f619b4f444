//! The decision on an exchange.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http_body::Body;
use http_body_util::{BodyExt, Empty};

use super::{
    Facts, Permit, Permitted, Verdict,
    body::{Coding, Findings, Judging, LONGEST, read},
    host_forms::HostForms,
    running::Running,
    selection::{CHOICE, Selection, select},
};
use crate::{
    audit::Ticket,
    clock,
    destination::{DestinationGuard, GuardError},
    exchange::{Exchange, Received},
    model::{Condition, LimitUse, Rule},
    policy::{Policy, PolicyAgent, Snapshot},
    refusal::{Cause, Refused},
    store::{LimitClaim, LimitStore, StoreError, Taking},
    target::Target,
};

/// Judges exchanges by the policy in force.
pub struct RuleEngine {
    pub(super) policy: Arc<Policy>,
    pub(super) guard: Arc<DestinationGuard>,
    limits: Arc<dyn LimitStore>,
    pub(super) running: Arc<Running>,
    judging: Judging,
}

/// How long a request waits for its limits to be counted.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the beginning of a body may take that a condition turns on.
const READING: Duration = Duration::from_secs(60);

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
        Self { policy, guard, limits, running: Arc::default(), judging: Judging::default() }
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

    /// First by the head, so that what is refused by it is refused before the body is read; and once more with the
    /// body, if a condition turns on it.
    async fn judge(&self, exchange: &mut Exchange<Received>) -> Result<Selection, Cause> {
        let without_body = exchange.body.is_end_stream().then(Findings::of_nothing);
        let snapshot = self.snapshot()?;
        if let Some(selection) = self.judge_by(&snapshot, exchange, without_body.as_ref()).await? {
            return Ok(selection);
        }
        let _room = self.judging.room(&exchange.agent).await?;
        let body = std::mem::replace(
            &mut exchange.body,
            Empty::new().map_err(|never| match never {}).boxed_unsync(),
        );
        let reading =
            tokio::time::timeout(READING, read(body, LONGEST)).await.map_err(|_| Cause::RequestTimeout)?;
        let (beginning, body) = reading.map_err(|error| Cause::of_body(&error))?;
        exchange.body = body;
        // A body may take long to come: what is in force now counts.
        let snapshot = self.snapshot()?;
        let texts = body_texts(&snapshot, &exchange.target);
        let coding = Coding::of(&exchange.head.headers);
        // Decoding takes a while and memory: other requests go on, and few are decoded at once.
        let _turn = self.judging.turn().await?;
        let looking = tokio::task::spawn_blocking(move || Findings::look(&beginning, &coding, &texts));
        let findings = looking.await.map_err(|_| Cause::BadRequest("the body can't be judged"))?;
        let selection = self.judge_by(&snapshot, exchange, Some(&findings)).await?;
        selection.ok_or(Cause::BadRequest("the body can't be judged"))
    }

    /// Judges by what is known of the body; nothing if a condition turns on it and it was not read yet.
    async fn judge_by(
        &self, snapshot: &Snapshot, exchange: &mut Exchange<Received>, body: Option<&Findings>,
    ) -> Result<Option<Selection>, Cause> {
        let head = &exchange.head;
        let mut facts = Facts::of(&exchange.agent, &exchange.target, &head.method, &head.headers)
            .map_err(Cause::BadRequest)?;
        if let Some(findings) = body {
            facts = facts.with_body(findings);
        }
        let evaluation = Self::evaluate(&facts, snapshot);
        match &evaluation.verdict {
            Verdict::Blocked(rule) => {
                exchange.ticket.note_rule(rule);
                return Err(Cause::blocked_by(rule));
            }
            Verdict::NotGranted => return Err(Cause::BlockedByDefaultPolicy),
            Verdict::Allowed(Some(rule)) => exchange.ticket.note_rule(rule),
            Verdict::Allowed(None) | Verdict::Undecided => {}
        }
        let allowed = &snapshot.settings().allow_private;
        self.guard.check(&exchange.target.host, exchange.target.port, allowed).await.map_err(Cause::from)?;
        let selection = select(&facts, snapshot, head.headers.get(CHOICE), clock::now())?;
        if matches!(evaluation.verdict, Verdict::Undecided) {
            return Ok(None);
        }
        // The last step: what is refused for another reason costs nothing.
        self.take(&evaluation.limits, &exchange.agent, &mut exchange.ticket).await?;
        Ok(Some(selection))
    }

    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>, Cause> {
        self.policy.snapshot().map_err(|_| Cause::StoreUnavailable)
    }
}

/// What the rules about a host look for in bodies.
fn body_texts(snapshot: &Snapshot, target: &Target) -> HashSet<String> {
    let hosts = HostForms::of(&target.host, target.port);
    let rules = hosts.iter().flat_map(|host| snapshot.rules_about(host));
    let texts = rules.flat_map(|rule| &rule.conditions).filter_map(Condition::body_text);
    texts.map(str::to_owned).collect()
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
        // What is counted after the patience has ended stays counted: less passes then, never more.
        let taking = tokio::time::timeout(PATIENCE, self.limits.take_limits(&claims)).await;
        let taking = taking.unwrap_or_else(|elapsed| Err(StoreError::unavailable(elapsed)));
        match taking {
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
