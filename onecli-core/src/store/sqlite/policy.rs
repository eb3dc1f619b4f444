//! The policy as a whole, and its version.

use async_trait::async_trait;
use rusqlite::Transaction;
use tokio::sync::watch;

use super::{SqliteStore, agents, assigned, rules, secrets, settings};
use crate::store::{PolicyRows, PolicyStore, PolicyVersion, StoreError};

#[async_trait]
impl PolicyStore for SqliteStore {
    async fn load_policy(&self) -> Result<PolicyRows, StoreError> {
        let read = |transaction: &Transaction<'_>| {
            Ok(PolicyRows {
                version: version(transaction)?,
                agents: agents::all(transaction)?,
                secrets: secrets::all(transaction)?,
                assigned: assigned::all(transaction)?,
                rules: rules::all(transaction)?,
                settings: settings::all(transaction)?,
            })
        };
        self.connections.read(read).await
    }

    fn changes(&self) -> watch::Receiver<PolicyVersion> {
        self.changes.subscribe()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.connections.read(version).await.map(drop)
    }
}

pub(super) fn version(transaction: &Transaction<'_>) -> Result<PolicyVersion, StoreError> {
    let version: i64 = transaction.query_row("SELECT version FROM policy_version", [], |row| row.get(0))?;
    Ok(PolicyVersion(u64::try_from(version).unwrap_or(0)))
}

pub(super) fn next_version(transaction: &Transaction<'_>) -> Result<PolicyVersion, StoreError> {
    transaction.execute("UPDATE policy_version SET version = version + 1", [])?;
    version(transaction)
}
