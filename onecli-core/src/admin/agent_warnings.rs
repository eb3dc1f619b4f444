//! What a person should know of an agent before it starts.

use super::{Admin, AdminError};
use crate::{
    clock,
    model::{Action, Agent, DefaultPolicy, HostPattern, PolicySettings, Rule, Secret},
};

impl Admin {
    /// What will not go as the agent's maker may expect, in sentences.
    ///
    /// # Errors
    /// If the store fails, or its parent is gone.
    pub async fn agent_warnings(&self, agent: &Agent) -> Result<Vec<String>, AdminError> {
        let now = clock::now();
        if !agent.is_active(now) {
            let name = &agent.identifier;
            return Ok(vec![format!(
                "The agent `{name}` is disabled or expired: the gateway will answer 407."
            )]);
        }
        let (secrets, settings) = (self.usable_secrets(agent).await?, self.settings().await?);
        let mut warnings = Vec::new();
        if secrets.is_empty() && !self.secrets().await?.is_empty() {
            warnings.push(format!(
                "The agent `{}` may use none of the secrets; assign some with `onecli agents secrets`.",
                agent.identifier
            ));
        }
        for secret in secrets.iter().filter(|secret| secret.expires_at.is_some_and(|end| end <= now)) {
            warnings.push(format!(
                "The secret `{}` has expired: a request that needs it gets 503 credential_expired.",
                secret.name
            ));
        }
        warnings.extend(ties(&secrets));
        warnings.extend(secrets.iter().filter_map(|secret| passed_through(secret, &settings)));
        if settings.default_policy == DefaultPolicy::Deny
            && !self.rules().await?.iter().any(|rule| grants(rule, agent))
        {
            warnings.push(format!(
                "The default policy is deny, and no rule grants the agent `{}` anything: every request gets 403.",
                agent.identifier
            ));
        }
        Ok(warnings)
    }
}

/// Each pair once.
fn ties(secrets: &[Secret]) -> Vec<String> {
    let later = |index: usize| secrets.iter().skip(index + 1);
    let pairs =
        secrets.iter().enumerate().flat_map(|(index, one)| later(index).map(move |other| (one, other)));
    let tied = pairs.filter(|(one, other)| one.is_rival_of(other));
    tied.map(|(one, other)| {
        format!(
            "`{}` and `{}` fit the same requests: name one of them in x-onecli-secret, or get 409.",
            one.name, other.name
        )
    })
    .collect()
}

fn passed_through(secret: &Secret, settings: &PolicySettings) -> Option<String> {
    let covers = |pattern: &HostPattern| match secret.host_pattern.exact_host() {
        Some(host) => pattern.matches_host(host),
        None => pattern.to_string() == secret.host_pattern.to_string(),
    };
    let pattern = settings.passthrough_hosts.iter().find(|pattern| covers(pattern))?;
    Some(format!("The secret `{}` is never put in: {pattern} is among the passthrough hosts.", secret.name))
}

fn grants(rule: &Rule, agent: &Agent) -> bool {
    let concerns = rule.agent_id.is_none_or(|id| id == agent.id || Some(id) == agent.parent_id);
    rule.enabled && concerns && rule.action != Action::Block
}
