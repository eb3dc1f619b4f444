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

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::sync::watch;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PolicyVersion, StoreError};
use feed::Feed;
pub use url::{InvalidPostgresUrl, PostgresUrl};

/// A PostgreSQL database. What it has answered is durable.
pub struct PostgresStore {
    pool: Pool,
    changes: Arc<watch::Sender<PolicyVersion>>,
    feed: Feed,
}

/// Connections of a gateway: audit batches, limits, and what people ask for share them.
const CONNECTIONS: usize = 12;
/// How long one waits for a connection to be free, or to stand.
const PATIENCE: Duration = Duration::from_secs(5);

impl PostgresStore {
    /// Connects, and brings the schema up to date. Several may do so at once.
    ///
    /// # Errors
    /// If the database does not answer, or was written by a newer version.
    pub async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let connect = tls::connector(url).map_err(StoreError::unavailable)?;
        let pool = pool(url, connect.clone())?;
        schema::migrate(&pool).await?;
        let changes = Arc::new(watch::Sender::default());
        let feed = Feed::start(url.config(), connect, Arc::clone(&changes)).await?;
        Ok(Self { pool, changes, feed })
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
