//! What a store keeps, as it keeps it: values sealed, tokens hashed.

use std::{collections::HashMap, fmt};

use time::OffsetDateTime;

use crate::{
    model::{Agent, AgentId, ApiKeyId, GatewayId, RateLimit, Rule, RuleId, Sealed, Secret, SecretId},
    store::PolicyVersion,
};

/// A keyed hash of a token (HMAC-SHA-256). Who has it can't make the token from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

/// An agent with its token.
#[derive(Clone, Debug)]
pub struct AgentRow {
    /// The agent.
    pub agent: Agent,
    /// Its token, for look-up.
    pub token_hash: TokenHash,
    /// Its token, sealed, for its container-config.
    pub sealed_token: Sealed,
}

/// A secret with its value.
#[derive(Clone, Debug)]
pub struct SecretRow {
    /// The secret.
    pub secret: Secret,
    /// Its value.
    pub sealed_value: Sealed,
}

/// A setting of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name, as in the API.
    pub name: String,
    /// Its value as JSON.
    pub value: String,
    /// The text of the variable from which it was set at first start, as that was then; empty text if the variable was
    /// not set.
    pub variable: Option<String>,
    /// Whether it was changed since by a person.
    pub changed: bool,
}

/// Everything that the policy consists of.
#[derive(Clone, Debug, Default)]
pub struct PolicyRows {
    /// Of which version.
    pub version: PolicyVersion,
    /// All agents.
    pub agents: Vec<AgentRow>,
    /// All secrets.
    pub secrets: Vec<SecretRow>,
    /// Which secrets were assigned to which agents.
    pub assigned: Vec<(AgentId, SecretId)>,
    /// All rules.
    pub rules: Vec<Rule>,
    /// All settings.
    pub settings: Vec<SettingRow>,
}

/// What has changed of the policy since a version. Where there is nothing behind an id, it is gone.
#[derive(Clone, Debug, Default)]
pub struct PolicyDelta {
    /// Of which version it is afterwards.
    pub version: PolicyVersion,
    /// Agents.
    pub agents: Vec<(AgentId, Option<AgentRow>)>,
    /// Secrets.
    pub secrets: Vec<(SecretId, Option<SecretRow>)>,
    /// All secrets that are assigned to an agent now.
    pub assigned: Vec<(AgentId, Vec<SecretId>)>,
    /// Rules.
    pub rules: Vec<(RuleId, Option<Rule>)>,
    /// All settings, if any has changed.
    pub settings: Option<Vec<SettingRow>>,
}

impl From<PolicyRows> for PolicyDelta {
    /// Everything, since there was nothing.
    fn from(rows: PolicyRows) -> Self {
        let mut assigned: HashMap<AgentId, Vec<SecretId>> = HashMap::new();
        for (agent, secret) in rows.assigned {
            assigned.entry(agent).or_default().push(secret);
        }
        Self {
            version: rows.version,
            agents: rows.agents.into_iter().map(|row| (row.agent.id, Some(row))).collect(),
            secrets: rows.secrets.into_iter().map(|row| (row.secret.id, Some(row))).collect(),
            assigned: assigned.into_iter().collect(),
            rules: rows.rules.into_iter().map(|rule| (rule.id, Some(rule))).collect(),
            settings: Some(rows.settings),
        }
    }
}

/// One request's claim on a rate limit.
#[derive(Clone, Copy, Debug)]
pub struct LimitClaim {
    /// The rule.
    pub rule: RuleId,
    /// The agent whose requests are counted: a child counts as its parent.
    pub agent: AgentId,
    /// How many in how long.
    pub limit: RateLimit,
}

/// What came of claims on rate limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking {
    /// One was taken from each.
    Taken {
        /// How many are used now, claim by claim.
        used: Vec<u32>,
    },
    /// Nothing was taken.
    Full {
        /// Which claim had no room.
        claim: usize,
        /// How many are used of it.
        used: u32,
        /// In how long it has room again.
        retry_after: std::time::Duration,
    },
}

/// An API key, without the key.
#[derive(Clone, Debug)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The key, for look-up.
    pub hash: TokenHash,
    /// Its first characters, to tell it from others.
    pub prefix: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it stops being valid.
    pub expires_at: Option<OffsetDateTime>,
}

/// A daemon of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRow {
    /// Its id, which stays the same over restarts.
    pub id: GatewayId,
    /// The name of its machine.
    pub host_name: String,
    /// Its version.
    pub version: String,
    /// Where its gateway listens.
    pub addresses: Vec<String>,
    /// When it was there last.
    pub last_seen_at: OffsetDateTime,
}

/// What a person or a key may do; each may do what the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads lists and the audit log.
    Viewer,
    /// Also changes agents, secrets and rules.
    Admin,
    /// Also changes users, keys, settings and the vault.
    Owner,
}

impl Role {
    /// As it stands in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Admin, Self::Owner].into_iter().find(|role| role.as_str() == name)
    }
}
