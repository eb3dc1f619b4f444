//! What is kept: the traits that every backend implements. They carry sealed values only.

#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub mod conformance;
mod error;
pub mod postgres;
mod query;
mod rows;
mod sliding;
pub mod sqlite;

use std::time::Instant;

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::watch;

pub use error::StoreError;
pub use postgres::{InvalidPostgresUrl, PostgresStore, PostgresUrl};
pub(crate) use query::FAILED;
pub use query::{AuditPage, AuditQuery, WALK};
pub use rows::{
    AgentRow, ApiKeyRow, GatewayRow, LimitClaim, PolicyDelta, PolicyRows, Role, SecretRow, SettingRow,
    Taking, TokenHash,
};
pub use sqlite::SqliteStore;

use crate::model::{AgentId, ApiKeyId, AuditEvent, EventId, Rule, RuleId, Sealed, SecretId};

/// Everything that a gateway and its administration keep.
pub trait Store:
    PolicyStore
    + AgentStore
    + SecretStore
    + RuleStore
    + SettingStore
    + KeyStore
    + LimitStore
    + AuditStore
    + GatewayStore
{
}

impl<T> Store for T where
    T: PolicyStore
        + AgentStore
        + SecretStore
        + RuleStore
        + SettingStore
        + KeyStore
        + LimitStore
        + AuditStore
        + GatewayStore
{
}

/// A position in the order of changes of the policy; grows with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyVersion(pub u64);

/// Reading the policy as a whole, and hearing of its changes.
#[async_trait]
pub trait PolicyStore: Send + Sync + 'static {
    /// Everything that the policy consists of, as of one moment.
    async fn load_policy(&self) -> Result<PolicyRows, StoreError>;

    /// What has changed since a version. None: that can't be told, or is so much that all of it is read as fast.
    async fn load_changes(&self, since: PolicyVersion) -> Result<Option<PolicyDelta>, StoreError> {
        let _ = since;
        Ok(None)
    }

    /// The change feed: the newest version that this store knows of. A write's version is sent after it is committed.
    fn changes(&self) -> watch::Receiver<PolicyVersion>;

    /// When it was certain last that no change was missed. None: it always is.
    fn confirmed(&self) -> Option<Instant> {
        None
    }

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Agents. Writes answer with the version of the policy from which they are in force.
#[async_trait]
pub trait AgentStore: Send + Sync + 'static {
    /// Adds an agent. [`StoreError::Conflict`] if its identifier is taken.
    async fn create_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError>;
    /// Changes name, default, secret mode, enabled and expiry of the agent of that id to those of `row`.
    /// If it becomes the default one, the one before no longer is.
    async fn update_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError>;
    /// Puts a new token in the place of the old one.
    async fn replace_agent_token(
        &self, id: AgentId, hash: &TokenHash, sealed: &Sealed,
    ) -> Result<PolicyVersion, StoreError>;
    /// Removes an agent, its children and the rules that name them.
    async fn delete_agent(&self, id: AgentId) -> Result<PolicyVersion, StoreError>;
    /// The secrets that a selective agent may use; those that it could before and are not named it may not any more.
    async fn assign_secrets(&self, id: AgentId, secrets: &[SecretId]) -> Result<PolicyVersion, StoreError>;
    /// The secrets that were assigned to an agent.
    async fn list_assigned(&self, id: AgentId) -> Result<Vec<SecretId>, StoreError>;
    /// All agents, oldest first.
    async fn list_agents(&self) -> Result<Vec<AgentRow>, StoreError>;
    /// Notes when agents were seen last and secrets used last; never moves a time back. Not a change of the policy.
    async fn touch(
        &self, agents: &[(AgentId, OffsetDateTime)], secrets: &[(SecretId, OffsetDateTime)],
    ) -> Result<(), StoreError>;
}

/// Secrets. Writes answer with the version of the policy from which they are in force.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// Adds a secret. [`StoreError::Conflict`] if its name is taken.
    async fn create_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError>;
    /// Puts `row` in the place of the secret of that id.
    async fn update_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError>;
    /// Removes a secret.
    async fn delete_secret(&self, id: SecretId) -> Result<PolicyVersion, StoreError>;
    /// All secrets, oldest first.
    async fn list_secrets(&self) -> Result<Vec<SecretRow>, StoreError>;
}

/// Rules. Writes answer with the version of the policy from which they are in force.
#[async_trait]
pub trait RuleStore: Send + Sync + 'static {
    /// Adds a rule.
    async fn create_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError>;
    /// Puts `rule` in the place of the rule of that id.
    async fn update_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError>;
    /// Removes a rule.
    async fn delete_rule(&self, id: RuleId) -> Result<PolicyVersion, StoreError>;
    /// All rules, oldest first.
    async fn list_rules(&self) -> Result<Vec<Rule>, StoreError>;
}

/// Settings of the policy, by name.
#[async_trait]
pub trait SettingStore: Send + Sync + 'static {
    /// All settings that have been set.
    async fn list_settings(&self) -> Result<Vec<SettingRow>, StoreError>;
    /// Sets some, all or none.
    async fn put_settings(&self, rows: &[SettingRow]) -> Result<PolicyVersion, StoreError>;
}

/// What the vault and sign-in keep for themselves.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Bytes kept under a name, such as the sealed keyring.
    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Keeps bytes under a name that has none yet. Answers with what is kept afterwards: `value`, or what was there first.
    async fn put_blob_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError>;
    /// Whether anything sealed is kept.
    async fn has_sealed_data(&self) -> Result<bool, StoreError>;
    /// Adds an API key.
    async fn create_api_key(&self, row: &ApiKeyRow) -> Result<(), StoreError>;
    /// The API key of that hash.
    async fn find_api_key(&self, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError>;
    /// Removes an API key.
    async fn delete_api_key(&self, id: ApiKeyId) -> Result<(), StoreError>;
}

/// Rate limits, counted. The time is the store's own.
#[async_trait]
pub trait LimitStore: Send + Sync + 'static {
    /// Takes one from each of these limits, or from none if one has no room. Takings survive a restart.
    async fn take_limits(&self, claims: &[LimitClaim]) -> Result<Taking, StoreError>;
}

/// Audit events.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// Takes events. One whose id is there already is left as it is, but for its count, which never shrinks.
    async fn insert_events(&self, events: &[AuditEvent]) -> Result<(), StoreError>;
    /// Finds events, newest arrival first.
    async fn query_events(&self, query: &AuditQuery) -> Result<AuditPage, StoreError>;
    /// One event.
    async fn get_event(&self, id: EventId) -> Result<Option<AuditEvent>, StoreError>;
    /// Removes events from before `limit`; answers with how many.
    async fn delete_events_before(&self, limit: OffsetDateTime) -> Result<u64, StoreError>;
}

/// The daemons of the system.
#[async_trait]
pub trait GatewayStore: Send + Sync + 'static {
    /// Notes that a daemon is there, and forgets those that have not been since `gone_before`.
    async fn note_gateway(&self, row: &GatewayRow, gone_before: OffsetDateTime) -> Result<(), StoreError>;
    /// All daemons that are known, the one that was seen last first.
    async fn list_gateways(&self) -> Result<Vec<GatewayRow>, StoreError>;
}
