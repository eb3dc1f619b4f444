//! The daemons of the system.

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::{PostgresStore, columns::Columns};
use crate::store::{GatewayRow, GatewayStore, StoreError};

const WHAT: &str = "gateway";

#[async_trait]
impl GatewayStore for PostgresStore {
    async fn note_gateway(&self, row: &GatewayRow, gone_before: OffsetDateTime) -> Result<(), StoreError> {
        let client = self.client().await?;
        let sql = "INSERT INTO gateways (id, host_name, version, addresses, last_seen_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (id) DO UPDATE SET host_name = excluded.host_name, version = excluded.version, \
                   addresses = excluded.addresses, last_seen_at = excluded.last_seen_at";
        client
            .execute(sql, &[&row.id.0, &row.host_name, &row.version, &row.addresses, &row.last_seen_at])
            .await?;
        client.execute("DELETE FROM gateways WHERE last_seen_at < $1", &[&gone_before]).await?;
        Ok(())
    }

    async fn list_gateways(&self) -> Result<Vec<GatewayRow>, StoreError> {
        let sql = "SELECT * FROM gateways ORDER BY last_seen_at DESC, id";
        self.client().await?.query(sql, &[]).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<GatewayRow, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    Ok(GatewayRow {
        id: columns.id(),
        host_name: columns.get("host_name")?,
        version: columns.get("version")?,
        addresses: columns.get("addresses")?,
        last_seen_at: columns.time("last_seen_at")?,
    })
}
