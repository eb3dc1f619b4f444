//! The schema and its migrations.

use refinery::embed_migrations;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::connections::Purpose;
use crate::store::StoreError;

embed_migrations!("src/store/sqlite/migrations");

/// The database of everything but rate limits: what it has answered is durable.
pub(super) const STORE: Purpose = Purpose { synchronous: "FULL", check, migrate };

/// Refuses a database of a newer version. Writes nothing.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (applied(connection)?, known());
    match found > known {
        true => Err(StoreError::SchemaTooNew { found, known }),
        false => Ok(()),
    }
}

/// Brings the schema up to date, all or nothing.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection.set_transaction_behavior(TransactionBehavior::Exclusive);
    // Grouped: else a migration and the note that it was done would be two transactions.
    match migrations::runner().set_grouped(true).run(connection) {
        Ok(_) => Ok(()),
        // The history is read before the lock is taken: who comes second finds the work done, and fails at it.
        Err(_) if applied(connection)? == known() => Ok(()),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

fn known() -> u32 {
    let newest = migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
    newest.map_or(0, |version| u32::try_from(version).unwrap_or(u32::MAX))
}

fn applied(connection: &Connection) -> Result<u32, StoreError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(newest, [], |row| row.get(0))?)
}
