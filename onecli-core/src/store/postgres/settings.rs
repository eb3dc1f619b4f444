//! Settings of the policy.

use async_trait::async_trait;
use tokio_postgres::GenericClient;

use super::{PostgresStore, change::Change};
use crate::store::{PolicyVersion, SettingRow, SettingStore, StoreError};

#[async_trait]
impl SettingStore for PostgresStore {
    async fn list_settings(&self) -> Result<Vec<SettingRow>, StoreError> {
        all(&**self.client().await?).await
    }

    async fn put_settings(&self, rows: &[SettingRow]) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "INSERT INTO settings (name, value, variable, changed) VALUES ($1, $2, $3, $4) ON CONFLICT (name) \
                   DO UPDATE SET value = excluded.value, variable = excluded.variable, changed = excluded.changed";
        for row in rows {
            change.execute(sql, &[&row.name, &row.value, &row.variable, &row.changed]).await?;
        }
        change.commit(self).await
    }
}

pub(super) async fn all(client: &impl GenericClient) -> Result<Vec<SettingRow>, StoreError> {
    let rows = client.query("SELECT name, value, variable, changed FROM settings ORDER BY name", &[]).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(SettingRow {
            name: row.try_get(0)?,
            value: row.try_get(1)?,
            variable: row.try_get(2)?,
            changed: row.try_get(3)?,
        })
    };
    rows.iter().map(read).collect()
}
