//! The daemons of the system: of an embedded database there is one at a time.

use async_trait::async_trait;
use rusqlite::params;
use time::OffsetDateTime;

use super::{
    SqliteStore,
    columns::{Columns, micros, to_json},
};
use crate::store::{GatewayRow, GatewayStore, StoreError};

const WHAT: &str = "gateway";

#[async_trait]
impl GatewayStore for SqliteStore {
    async fn note_gateway(&self, row: &GatewayRow, gone_before: OffsetDateTime) -> Result<(), StoreError> {
        let row = row.clone();
        self.connections
            .write(move |transaction| {
                let sql = "INSERT INTO gateways (id, host_name, version, addresses, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                           ON CONFLICT (id) DO UPDATE SET host_name = excluded.host_name, version = excluded.version, \
                           addresses = excluded.addresses, last_seen_at = excluded.last_seen_at";
                let (addresses, seen) = (to_json(&row.addresses)?, micros(row.last_seen_at));
                transaction
                    .execute(sql, params![row.id.to_string(), row.host_name, row.version, addresses, seen])?;
                transaction
                    .execute("DELETE FROM gateways WHERE last_seen_at < ?1", [micros(gone_before)])?;
                Ok(())
            })
            .await
    }

    async fn list_gateways(&self) -> Result<Vec<GatewayRow>, StoreError> {
        self.connections
            .read(|transaction| {
                let mut statement =
                    transaction.prepare_cached("SELECT * FROM gateways ORDER BY last_seen_at DESC, id")?;
                let mut rows = statement.query([])?;
                let mut gateways = Vec::new();
                while let Some(row) = rows.next()? {
                    let columns = Columns::of(row, WHAT)?;
                    gateways.push(GatewayRow {
                        id: columns.parse("id")?,
                        host_name: columns.get("host_name")?,
                        version: columns.get("version")?,
                        addresses: columns.json("addresses")?,
                        last_seen_at: columns.time("last_seen_at")?,
                    });
                }
                Ok(gateways)
            })
            .await
    }
}
