//! PostgreSQL: one database for any number of gateways, which are one system then.

mod agents;
mod assigned;
mod change;
mod columns;
mod constraint;
mod delta;
mod event_query;
mod events;
mod feed;
mod gateways;
mod keys;
mod limits;
mod policy;
mod rules;
mod schema;
mod secrets;
mod settings;
mod tls;
mod url;

use std::{error::Error, io, sync::Arc, time::Duration};

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio::{sync::watch, time::error::Elapsed};
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PolicyVersion, StoreError};
use feed::Feed;
pub use url::{InvalidPostgresUrl, PostgresUrl};

/// A PostgreSQL database. What it has answered is durable.
pub struct PostgresStore {
    pool: Pool,
    /// For rate limits alone: an agent that floods one holds up neither the policy nor the audit log.
    limits: Pool,
    changes: Arc<watch::Sender<PolicyVersion>>,
    feed: Feed,
}

/// Connections of each pool of a gateway.
const CONNECTIONS: usize = 8;
/// How long one waits for a connection to be free, or to stand.
const PATIENCE: Duration = Duration::from_secs(5);

impl PostgresStore {
    /// Connects, and brings the schema up to date. Several may do so at once.
    ///
    /// # Errors
    /// If the database does not answer, or was written by a newer version.
    pub async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let connect = tls::connector(url).map_err(StoreError::unavailable)?;
        let (pool, limits) = (pool(url, connect.clone())?, pool(url, connect.clone())?);
        schema::migrate(&pool).await?;
        let changes = Arc::new(watch::Sender::default());
        let feed = Feed::start(url.config(), connect, Arc::clone(&changes)).await?;
        Ok(Self { pool, limits, changes, feed })
    }

    /// Whether opening failed since the database does not answer now, and may later: it is not running, or not reached.
    #[must_use]
    pub fn is_away(error: &StoreError) -> bool {
        let StoreError::Unavailable(error) = error else { return false };
        let mut next: Option<&(dyn Error + 'static)> = Some(&**error);
        while let Some(error) = next {
            if let Some(refused) =
                error.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.code())
            {
                // What it says itself of starting and stopping.
                return [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN]
                    .contains(refused);
            }
            let is_late = matches!(error.downcast_ref::<PoolError>(), Some(PoolError::Timeout(_)));
            if is_late || error.is::<io::Error>() || error.is::<Elapsed>() {
                return true;
            }
            next = error.source();
        }
        false
    }

    async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(StoreError::unavailable)
    }
}

fn pool(url: &PostgresUrl, connect: MakeRustlsConnect) -> Result<Pool, StoreError> {
    let recycling_method = RecyclingMethod::Fast;
    let manager = Manager::from_config(url.config(), connect, ManagerConfig { recycling_method });
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) })
        .build()
        .map_err(StoreError::unavailable)
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::unavailable(error)
    }
}
