//! What the rules say of a request. Pure: takes nothing, opens nothing.

use std::sync::Arc;

use super::{Facts, RuleEngine, conditions::Match};
use crate::{
    model::{Action, DefaultPolicy, Rule},
    policy::Snapshot,
};

/// What the rules say of a request, and which of them matched.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The outcome.
    pub verdict: Verdict,
    /// The rate limits that must have room.
    pub limits: Vec<Arc<Rule>>,
    /// Every rule that matched, whatever its action.
    pub matched: Vec<Arc<Rule>>,
}

/// The outcome of the rules.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// This rule blocks it.
    Blocked(Arc<Rule>),
    /// No rule grants it, and the default policy asks for a grant.
    NotGranted,
    /// It turns on a condition about the body, which was not read yet.
    Undecided,
    /// It may pass; by this rule, if one granted it.
    Allowed(Option<Arc<Rule>>),
}

impl RuleEngine {
    /// What the rules of `snapshot` say. Their order does not matter: a block beats a limit, a limit beats an allow. As
    /// long as the body was not read, a condition about it is undecided; what is clear without it is said at once.
    #[must_use]
    pub fn evaluate(facts: &Facts<'_>, snapshot: &Snapshot) -> Evaluation {
        let (mut matched, mut undecided): (Vec<Arc<Rule>>, Vec<Arc<Rule>>) = (Vec::new(), Vec::new());
        for rule in facts.hosts().iter().flat_map(|host| snapshot.rules_about(host)) {
            let matches = match rule.action {
                Action::Block | Action::RateLimit(_) => facts.restricted_by(rule),
                Action::Allow => facts.granted_by(rule),
            };
            let kept = match matches {
                Match::Yes => &mut matched,
                Match::Undecided => &mut undecided,
                Match::No => continue,
            };
            if !kept.iter().any(|known| known.id == rule.id) {
                kept.push(Arc::clone(rule));
            }
        }
        let is_grant = |rule: &Rule| rule.action != Action::Block && facts.granted_by(rule) != Match::No;
        let block = oldest(&matched, |rule| rule.action == Action::Block);
        let grant = oldest(&matched, is_grant);
        let asks_for_grant = snapshot.settings().default_policy == DefaultPolicy::Deny && grant.is_none();
        let verdict = match block {
            Some(block) => Verdict::Blocked(block),
            None if asks_for_grant && oldest(&undecided, is_grant).is_none() => Verdict::NotGranted,
            None if asks_for_grant || undecided.iter().any(|rule| rule.action != Action::Allow) => {
                Verdict::Undecided
            }
            None => Verdict::Allowed(grant),
        };
        let limits = matched.iter().filter(|rule| rule.action.rate_limit().is_some()).cloned().collect();
        Evaluation { verdict, limits, matched }
    }
}

/// Of several rules the oldest is named, so that the answer does not change from one time to the next.
pub(super) fn oldest(matched: &[Arc<Rule>], is_one: impl Fn(&Rule) -> bool) -> Option<Arc<Rule>> {
    matched.iter().filter(|rule| is_one(rule)).min_by_key(|rule| rule.id).cloned()
}
