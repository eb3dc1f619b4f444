//! The decision on a connection that is not looked into: by its host alone.

use std::sync::Arc;

use super::{RuleEngine, Watch, evaluate::oldest, host_forms::HostForms};
use crate::{
    audit::Ticket,
    model::{Action, DefaultPolicy, Host, Intercept, Rule},
    policy::{PolicyAgent, Snapshot},
    refusal::Cause,
};

/// The proof that the rules allowed a tunnel. Only the rule engine makes one; it can't be cloned.
#[derive(Debug)]
pub(crate) struct TunnelPermit {
    watch: Watch,
}

impl TunnelPermit {
    /// Tells when the permit no longer holds.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }
}

impl RuleEngine {
    /// Whether a connection is tunnelled: a permit if so, none if it is to be looked into.
    ///
    /// Nothing inside can be judged: a restriction with path, method or condition counts by its host alone, a grant
    /// with one does not count.
    pub(crate) async fn decide_tunnel(
        &self, agent: &Arc<PolicyAgent>, host: &Host, port: u16, ticket: &mut Ticket,
    ) -> Result<Option<TunnelPermit>, Cause> {
        // Watched before it is judged, so that no change falls between the two.
        let watch = self.running.watch_tunnel(agent, host, port);
        let snapshot = self.snapshot()?;
        if !is_tunnelled(agent, host, port, &snapshot) {
            return Ok(None);
        }
        let forms = HostForms::of(host, port);
        let about = rules_about(agent, &forms, &snapshot);
        if let Some(rule) = oldest(&about, |rule| rule.action == Action::Block) {
            ticket.note_rule(&rule);
            return Err(Cause::blocked_by(&rule));
        }
        match grant(&about, &forms) {
            Some(rule) => ticket.note_rule(&rule),
            None if snapshot.settings().default_policy == DefaultPolicy::Deny => {
                return Err(Cause::BlockedByDefaultPolicy);
            }
            None => {}
        }
        self.guard.check(host, port, &snapshot.settings().allow_private).await.map_err(Cause::from)?;
        let limits: Vec<Arc<Rule>> =
            about.into_iter().filter(|rule| rule.action.rate_limit().is_some()).collect();
        self.take(&limits, agent, ticket).await?;
        Ok(Some(TunnelPermit { watch }))
    }
}

/// The rule that blocks a tunnel, if one does.
pub(super) fn block(agent: &PolicyAgent, host: &Host, port: u16, snapshot: &Snapshot) -> Option<Arc<Rule>> {
    let about = rules_about(agent, &HostForms::of(host, port), snapshot);
    oldest(&about, |rule| rule.action == Action::Block)
}

/// Why a tunnel that stands may not go on: it is to be looked into now, or no longer granted.
pub(super) fn refusal(agent: &PolicyAgent, host: &Host, port: u16, snapshot: &Snapshot) -> Option<Cause> {
    let forms = HostForms::of(host, port);
    let is_granted = || grant(&rules_about(agent, &forms, snapshot), &forms).is_some();
    let denies = snapshot.settings().default_policy == DefaultPolicy::Deny;
    match () {
        () if !is_tunnelled(agent, host, port, snapshot) => Some(Cause::NotTunnelled),
        () if denies && !is_granted() => Some(Cause::BlockedByDefaultPolicy),
        () => None,
    }
}

/// A rule that grants whatever passes through the tunnel.
fn grant(about: &[Arc<Rule>], forms: &HostForms<'_>) -> Option<Arc<Rule>> {
    oldest(about, |rule| {
        rule.action != Action::Block
            && rule.methods.is_empty()
            && rule.conditions.is_empty()
            && rule.path_pattern.is_any()
            && forms.all_within(&rule.host_pattern, None)
    })
}

fn is_tunnelled(agent: &PolicyAgent, host: &Host, port: u16, snapshot: &Snapshot) -> bool {
    let (forms, settings) = (HostForms::of(host, port), snapshot.settings());
    if settings.passthrough_hosts.iter().any(|pattern| forms.all_within(pattern, None)) {
        return true;
    }
    // With the default policy deny every request has to be granted, so every request has to be seen.
    settings.intercept == Intercept::Matched
        // Every service has an address too, about which there is no rule.
        && host.ip().is_none()
        && settings.default_policy == DefaultPolicy::Allow
        && rules_about(agent, &forms, snapshot).is_empty()
        && !forms
            .iter()
            .flat_map(|form| snapshot.secrets_about(form))
            .any(|entry| agent.may_use(entry.secret.id))
}

/// The rules that may restrict what this agent does at this host.
fn rules_about(agent: &PolicyAgent, forms: &HostForms<'_>, snapshot: &Snapshot) -> Vec<Arc<Rule>> {
    let mut about: Vec<Arc<Rule>> = Vec::new();
    for rule in forms.iter().flat_map(|form| snapshot.rules_about(form)) {
        let concerns = rule.agent_id.is_none_or(|id| agent.counts_as(id));
        if concerns && forms.any_within(&rule.host_pattern) && about.iter().all(|known| known.id != rule.id) {
            about.push(Arc::clone(rule));
        }
    }
    about
}
