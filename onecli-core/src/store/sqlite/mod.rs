//! The embedded store: one SQLite database, in a file or in memory.

mod agents;
mod columns;
mod connections;
mod constraint;
mod events;
mod keys;
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
    changes: watch::Sender<PolicyVersion>,
}

impl SqliteStore {
    /// Opens the database of a file, or makes it (mode 0600), and brings its schema up to date. One process at a time.
    ///
    /// # Errors
    /// If the file can't be used, or was written by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(Connections::open(path.to_owned()).await?).await
    }

    /// A database that is gone with this value.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::start(Connections::in_memory().await?).await
    }

    async fn start(connections: Connections) -> Result<Self, StoreError> {
        let version = connections.read(policy::version).await?;
        Ok(Self { connections, changes: watch::Sender::new(version) })
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
