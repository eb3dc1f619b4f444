//! The schema and its migrations.

use refinery::embed_migrations;
use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;

embed_migrations!("src/store/sqlite/migrations");

/// Brings the schema up to date. A database of a newer version is left as it is.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let runner = migrations::runner();
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let found = applied(connection)?;
    let known = u32::try_from(known).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    runner.run(connection).map_err(StoreError::unavailable)?;
    Ok(())
}

fn applied(connection: &Connection) -> Result<u32, StoreError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(newest, [], |row| row.get(0))?)
}
