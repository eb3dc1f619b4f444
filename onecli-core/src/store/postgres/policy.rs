//! The policy as a whole, and its version.

use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_postgres::{GenericClient, IsolationLevel};

use super::{PostgresStore, agents, assigned, rules, secrets, settings};
use crate::store::{PolicyDelta, PolicyRows, PolicyStore, PolicyVersion, StoreError};

#[async_trait]
impl PolicyStore for PostgresStore {
    async fn load_policy(&self) -> Result<PolicyRows, StoreError> {
        let mut client = self.client().await?;
        let builder =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        // All of one moment: that of the first statement.
        let moment = builder.start().await?;
        let rows = PolicyRows {
            version: version(&*moment).await?,
            agents: agents::all(&*moment).await?,
            secrets: secrets::all(&*moment).await?,
            assigned: assigned::all(&*moment).await?,
            rules: rules::all(&*moment).await?,
            settings: settings::all(&*moment).await?,
        };
        moment.commit().await?;
        Ok(rows)
    }

    async fn load_changes(&self, since: PolicyVersion) -> Result<Option<PolicyDelta>, StoreError> {
        self.changes_since(since).await
    }

    fn changes(&self) -> watch::Receiver<PolicyVersion> {
        self.changes.subscribe()
    }

    fn confirmed(&self) -> Option<Instant> {
        Some(self.feed.confirmed())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        version(&**self.client().await?).await.map(drop)
    }
}

pub(super) async fn version(client: &impl GenericClient) -> Result<PolicyVersion, StoreError> {
    let version: i64 = client.query_one("SELECT version FROM policy_version", &[]).await?.try_get(0)?;
    Ok(PolicyVersion(u64::try_from(version).unwrap_or(0)))
}
