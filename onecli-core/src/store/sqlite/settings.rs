//! Settings of the policy.

use async_trait::async_trait;
use rusqlite::{Transaction, params};

use super::SqliteStore;
use crate::store::{PolicyVersion, SettingRow, SettingStore, StoreError};

#[async_trait]
impl SettingStore for SqliteStore {
    async fn list_settings(&self) -> Result<Vec<SettingRow>, StoreError> {
        self.connections.read(all).await
    }

    async fn put_settings(&self, rows: &[SettingRow]) -> Result<PolicyVersion, StoreError> {
        let rows = rows.to_vec();
        self.change(move |transaction| {
            let sql = "INSERT INTO settings (name, value, variable, changed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) \
                       DO UPDATE SET value = excluded.value, variable = excluded.variable, changed = excluded.changed";
            for row in rows {
                transaction.execute(sql, params![row.name, row.value, row.variable, row.changed])?;
            }
            Ok(())
        })
        .await
    }
}

pub(super) fn all(transaction: &Transaction<'_>) -> Result<Vec<SettingRow>, StoreError> {
    let mut statement =
        transaction.prepare_cached("SELECT name, value, variable, changed FROM settings ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(SettingRow { name: row.get(0)?, value: row.get(1)?, variable: row.get(2)?, changed: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
