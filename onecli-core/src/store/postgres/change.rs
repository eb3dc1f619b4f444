//! Changes of the policy: all or nothing, one after the other, each with its version.

use std::ops::Deref;

use deadpool_postgres::{Object, Transaction};

use super::{PostgresStore, delta};
use crate::store::{PolicyVersion, StoreError};

/// A change that is not committed yet; dropped, it never was.
pub(super) struct Change<'a> {
    transaction: Transaction<'a>,
    version: PolicyVersion,
}

impl<'a> Change<'a> {
    /// Begins a change. It holds the row of the version, so that versions grow in the order of commits.
    pub(super) async fn begin(client: &'a mut Object) -> Result<Self, StoreError> {
        let transaction = client.transaction().await?;
        let next = transaction
            .prepare_cached("UPDATE policy_version SET version = version + 1 RETURNING version")
            .await?;
        let version: i64 = transaction.query_one(&next, &[]).await?.try_get(0)?;
        delta::forget(&*transaction, version).await?;
        Ok(Self { transaction, version: PolicyVersion(u64::try_from(version).unwrap_or(0)) })
    }

    /// Commits it, and tells the readers of this store.
    pub(super) async fn commit(self, store: &PostgresStore) -> Result<PolicyVersion, StoreError> {
        self.transaction.commit().await?;
        store.changes.send_if_modified(|newest| {
            let newer = self.version > *newest;
            *newest = (*newest).max(self.version);
            newer
        });
        Ok(self.version)
    }
}

impl<'a> Deref for Change<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Transaction<'a> {
        &self.transaction
    }
}
