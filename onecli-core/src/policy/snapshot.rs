//! The compiled policy of one moment.

use std::{collections::HashSet, sync::Arc};

use rpds::HashTrieMapSync;

use super::HostIndex;
use crate::{
    model::{Agent, AgentId, PolicySettings, Rule, RuleId, Sealed, Secret, SecretId, SecretMode},
    store::{AgentRow, PolicyDelta, PolicyRows, PolicyVersion, SecretRow, StoreError, TokenHash},
};

/// The policy of one moment: agents, rules, sealed secrets and settings, compiled for look-up. Never changes; the next one shares what
/// they have in common.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: PolicyVersion,
    settings: PolicySettings,
    agents: HashTrieMapSync<TokenHash, Arc<PolicyAgent>>,
    rules: HostIndex<Arc<Rule>>,
    secrets: HostIndex<Arc<PolicySecret>>,
    /// By which the above are found when they change.
    known_agents: HashTrieMapSync<AgentId, KnownAgent>,
    assigned: HashTrieMapSync<AgentId, Arc<HashSet<SecretId>>>,
    known_rules: HashTrieMapSync<RuleId, Arc<Rule>>,
    known_secrets: HashTrieMapSync<SecretId, Arc<PolicySecret>>,
}

/// An agent as it stands in the store.
#[derive(Clone, Debug)]
struct KnownAgent {
    agent: Arc<Agent>,
    token_hash: TokenHash,
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
    may_use: Option<Arc<HashSet<SecretId>>>,
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
        let nothing = Self {
            version: PolicyVersion::default(),
            settings: PolicySettings::default(),
            agents: HashTrieMapSync::new_sync(),
            rules: HostIndex::default(),
            secrets: HostIndex::default(),
            known_agents: HashTrieMapSync::new_sync(),
            assigned: HashTrieMapSync::new_sync(),
            known_rules: HashTrieMapSync::new_sync(),
            known_secrets: HashTrieMapSync::new_sync(),
        };
        nothing.with(rows.into())
    }

    /// The policy after a change.
    ///
    /// # Errors
    /// If a setting can't be read.
    pub fn with(&self, delta: PolicyDelta) -> Result<Self, StoreError> {
        let mut next = Self { version: delta.version, ..self.clone() };
        if let Some(rows) = delta.settings {
            next.settings = PolicySettings::from_rows(&rows)?;
        }
        for (id, row) in delta.secrets {
            next.put_secret(id, row);
        }
        for (id, rule) in delta.rules {
            next.put_rule(id, rule);
        }
        next.put_agents(delta.agents, delta.assigned);
        Ok(next)
    }

    fn put_secret(&mut self, id: SecretId, row: Option<SecretRow>) {
        if let Some(before) = self.known_secrets.get(&id) {
            self.secrets.remove(&before.secret.host_pattern, |entry| entry.secret.id == id);
            self.known_secrets.remove_mut(&id);
        }
        if let Some(SecretRow { secret, sealed_value }) = row {
            let entry = Arc::new(PolicySecret { secret, sealed: sealed_value });
            self.secrets.insert(&entry.secret.host_pattern, Arc::clone(&entry));
            self.known_secrets.insert_mut(id, entry);
        }
    }

    fn put_rule(&mut self, id: RuleId, rule: Option<Rule>) {
        if let Some(before) = self.known_rules.get(&id) {
            self.rules.remove(&before.host_pattern, |rule| rule.id == id);
            self.known_rules.remove_mut(&id);
        }
        if let Some(rule) = rule.filter(|rule| rule.enabled).map(Arc::new) {
            self.rules.insert(&rule.host_pattern, Arc::clone(&rule));
            self.known_rules.insert_mut(id, rule);
        }
    }

    fn put_agents(
        &mut self, agents: Vec<(AgentId, Option<AgentRow>)>, assigned: Vec<(AgentId, Vec<SecretId>)>,
    ) {
        let mut changed: HashSet<AgentId> = HashSet::new();
        for (id, secrets) in assigned {
            changed.insert(id);
            self.assigned.insert_mut(id, Arc::new(secrets.into_iter().collect()));
        }
        for (id, row) in agents {
            changed.insert(id);
            if let Some(before) = self.known_agents.get(&id) {
                self.agents.remove_mut(&before.token_hash);
                self.known_agents.remove_mut(&id);
            }
            match row {
                Some(AgentRow { agent, token_hash, .. }) => {
                    self.known_agents.insert_mut(id, KnownAgent { agent: Arc::new(agent), token_hash });
                }
                None => {
                    self.assigned.remove_mut(&id);
                }
            }
        }
        // A child is judged as its parent.
        let is_concerned = |known: &&KnownAgent| {
            changed.contains(&known.agent.id) || known.agent.parent_id.is_some_and(|id| changed.contains(&id))
        };
        let concerned: Vec<KnownAgent> = match changed.is_empty() {
            true => Vec::new(),
            false => self.known_agents.values().filter(is_concerned).cloned().collect(),
        };
        for known in concerned {
            self.agents.insert_mut(known.token_hash, Arc::new(self.policy_agent(&known)));
        }
    }

    fn policy_agent(&self, known: &KnownAgent) -> PolicyAgent {
        let KnownAgent { agent, token_hash } = known;
        let parent = agent.parent_id.and_then(|id| self.known_agents.get(&id)).map(|known| &known.agent);
        let counts_as = parent.unwrap_or(agent);
        let may_use = || self.assigned.get(&counts_as.id).cloned().unwrap_or_default();
        PolicyAgent {
            agent: (**agent).clone(),
            name: agent.name.as_str().into(),
            token_hash: *token_hash,
            parent: parent.cloned(),
            may_use: (counts_as.secret_mode == SecretMode::Selective).then(may_use),
        }
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
