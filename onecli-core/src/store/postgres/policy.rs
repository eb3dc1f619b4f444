//! The policy as a whole, and its version.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use deadpool_postgres::Object;
use tokio::{sync::watch, time::error::Elapsed};
use tokio_postgres::{GenericClient, IsolationLevel};

use super::{PostgresStore, agents, assigned, delta, rules, secrets, settings};
use crate::store::{PolicyDelta, PolicyRows, PolicyStore, PolicyVersion, StoreError};

#[async_trait]
impl PolicyStore for PostgresStore {
    async fn load_policy(&self) -> Result<PolicyRows, StoreError> {
        let mut client = self.client().await?;
        let loaded = tokio::time::timeout(READING, whole(&mut client)).await;
        in_time(loaded, client)
    }

    async fn load_changes(&self, since: PolicyVersion) -> Result<Option<PolicyDelta>, StoreError> {
        let mut client = self.client().await?;
        let loaded = tokio::time::timeout(READING, delta::since(&mut client, since)).await;
        in_time(loaded, client)
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

/// How long a reading of the policy may take.
const READING: Duration = Duration::from_secs(20);

/// A connection that does not answer in time goes to nobody else.
pub(super) fn in_time<T>(
    done: Result<Result<T, StoreError>, Elapsed>, client: Object,
) -> Result<T, StoreError> {
    done.unwrap_or_else(|elapsed| {
        drop(Object::take(client));
        Err(StoreError::unavailable(elapsed))
    })
}

/// All of it, of one moment: that of the first statement.
async fn whole(client: &mut Object) -> Result<PolicyRows, StoreError> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
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

pub(super) async fn version(client: &impl GenericClient) -> Result<PolicyVersion, StoreError> {
    let version: i64 = client.query_one("SELECT version FROM policy_version", &[]).await?.try_get(0)?;
    Ok(PolicyVersion(u64::try_from(version).unwrap_or(0)))
}
