//! The compiled policy of one moment.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::HostIndex;
use crate::{
    model::{Agent, AgentId, PolicySettings, Rule, Sealed, Secret, SecretId, SecretMode},
    store::{PolicyRows, PolicyVersion, StoreError, TokenHash},
};

/// The policy of one moment: agents, rules, sealed secrets and settings, compiled for look-up. Never changes.
#[derive(Debug)]
pub struct Snapshot {
    version: PolicyVersion,
    settings: PolicySettings,
    agents: HashMap<TokenHash, Arc<PolicyAgent>>,
    rules: HostIndex<Arc<Rule>>,
    secrets: HostIndex<Arc<PolicySecret>>,
}

/// An agent as the rules see it.
#[derive(Debug)]
pub struct PolicyAgent {
    /// The agent.
    pub agent: Agent,
    /// Its name, for the records of its exchanges.
    pub(crate) name: Arc<str>,
    /// Under which its token is found; changes with the token.
    pub token_hash: TokenHash,
    /// Whether its parent's token would be valid, if it has one.
    parent: Option<Arc<Agent>>,
    /// The secrets that it may use; none: all. A child may use its parent's.
    may_use: Option<HashSet<SecretId>>,
}

impl PolicyAgent {
    /// Whether a rule about the agent `id` is about this one: it is that agent or its child.
    #[must_use]
    pub fn counts_as(&self, id: AgentId) -> bool {
        self.agent.id == id || self.agent.parent_id == Some(id)
    }

    /// Whether it may use a secret.
    #[must_use]
    pub fn may_use(&self, secret: SecretId) -> bool {
        self.may_use.as_ref().is_none_or(|assigned| assigned.contains(&secret))
    }

    /// Whether its token is valid at `now`: a child's only while its parent's is.
    #[must_use]
    pub fn is_active(&self, now: time::OffsetDateTime) -> bool {
        self.agent.is_active(now) && self.parent.as_ref().is_none_or(|parent| parent.is_active(now))
    }
}

/// A secret with its sealed value.
#[derive(Debug)]
pub struct PolicySecret {
    /// The secret.
    pub secret: Secret,
    /// Its value, sealed.
    pub sealed: Sealed,
}

impl Snapshot {
    /// Compiles what a store holds.
    ///
    /// # Errors
    /// If a setting can't be read.
    pub fn compile(rows: PolicyRows) -> Result<Self, StoreError> {
        let settings = PolicySettings::from_rows(&rows.settings)?;
        let by_id: HashMap<AgentId, Arc<Agent>> =
            rows.agents.iter().map(|row| (row.agent.id, Arc::new(row.agent.clone()))).collect();
        let agents = rows.agents.into_iter().map(|row| {
            let parent = row.agent.parent_id.and_then(|id| by_id.get(&id).cloned());
            let counts_as = parent.as_deref().unwrap_or(&row.agent);
            let assigned = || {
                rows.assigned.iter().filter(|(agent, _)| *agent == counts_as.id).map(|(_, secret)| *secret)
            };
            let may_use = (counts_as.secret_mode == SecretMode::Selective).then(|| assigned().collect());
            let name = row.agent.name.as_str().into();
            let agent = PolicyAgent { agent: row.agent, name, token_hash: row.token_hash, parent, may_use };
            (agent.token_hash, Arc::new(agent))
        });
        let mut snapshot = Self {
            version: rows.version,
            settings,
            agents: agents.collect(),
            rules: HostIndex::default(),
            secrets: HostIndex::default(),
        };
        for rule in rows.rules.into_iter().filter(|rule| rule.enabled) {
            snapshot.rules.insert(&rule.host_pattern.clone(), Arc::new(rule));
        }
        for row in rows.secrets {
            let entry = PolicySecret { secret: row.secret, sealed: row.sealed_value };
            snapshot.secrets.insert(&entry.secret.host_pattern.clone(), Arc::new(entry));
        }
        Ok(snapshot)
    }

    /// Of which version of the store's policy it is.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &PolicySettings {
        &self.settings
    }

    /// The agent with this token.
    #[must_use]
    pub fn agent(&self, token: &TokenHash) -> Option<&Arc<PolicyAgent>> {
        self.agents.get(token)
    }

    /// The enabled rules whose host pattern matches `host`.
    pub fn rules_about<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Arc<Rule>> {
        self.rules.find(host)
    }

    /// The secrets whose host pattern matches `host`.
    pub fn secrets_about<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Arc<PolicySecret>> {
        self.secrets.find(host)
    }
}
