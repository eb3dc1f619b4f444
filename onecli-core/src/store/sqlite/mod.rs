//! The embedded store: a SQLite database, in a file or in memory, and one beside it for takings from rate limits.

mod agents;
mod assigned;
mod columns;
mod connections;
mod constraint;
mod event_query;
mod events;
mod gateways;
mod keys;
mod limits;
mod policy;
mod rules;
mod schema;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use std::path::Path;

use tokio::sync::watch;

use super::{PolicyVersion, StoreError};
use connections::Connections;

/// The embedded store. What it has answered is durable against power loss.
#[derive(Debug)]
pub struct SqliteStore {
    connections: Connections,
    /// Of rate limits, apart from the rest.
    limits: Connections,
    changes: watch::Sender<PolicyVersion>,
}

impl SqliteStore {
    /// Opens the database of a file, or makes it (mode 0600), and brings its schema up to date. One process at a time.
    ///
    /// # Errors
    /// If the file can't be used, or was written by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let connections = Connections::open(path.to_owned(), schema::STORE).await?;
        let limits = Connections::open(path.with_extension("limits.db"), limits::LIMITS).await?;
        Self::start(connections, limits).await
    }

    /// A database that is gone with this value.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let limits = Connections::in_memory(limits::LIMITS).await?;
        Self::start(Connections::in_memory(schema::STORE).await?, limits).await
    }

    async fn start(connections: Connections, limits: Connections) -> Result<Self, StoreError> {
        let version = connections.read(policy::version).await?;
        Ok(Self { connections, limits, changes: watch::Sender::new(version) })
    }

    /// Writes a change of the policy, and tells of it once it is durable.
    async fn change<F>(&self, write: F) -> Result<PolicyVersion, StoreError>
    where
        F: FnOnce(&rusqlite::Transaction<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let version = self
            .connections
            .write(|transaction| {
                write(transaction)?;
                policy::next_version(transaction)
            })
            .await?;
        self.changes.send_if_modified(|newest| {
            let newer = version > *newest;
            *newest = (*newest).max(version);
            newer
        });
        Ok(version)
    }
}
