//! The schema and its migrations.

use deadpool_postgres::Pool;
use refinery::embed_migrations;
use tokio_postgres::Client;

use crate::store::StoreError;

embed_migrations!("src/store/postgres/migrations");

/// The lock under which the schema is changed: two gateways that start at once take turns. The number is this program's own.
const LOCK: i64 = 0x6f6e_6563_6c69_0001;

/// Brings the schema up to date. A schema of a newer version is refused, and nothing is written then.
pub(super) async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let mut pooled = pool.get().await.map_err(StoreError::unavailable)?;
    let client: &mut Client = &mut pooled;
    // It may take longer than what people wait for.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0;").await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let migrated = locked(client).await;
    // Taken out of the pool, its session ends, and the lock with it.
    drop(deadpool_postgres::Object::take(pooled));
    migrated
}

async fn locked(client: &mut Client) -> Result<(), StoreError> {
    let (found, known) = (applied(client).await?, known());
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    migrations::runner().set_grouped(true).run_async(client).await.map_err(StoreError::unavailable)?;
    Ok(())
}

fn known() -> u32 {
    let newest = migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
    newest.map_or(0, |version| u32::try_from(version).unwrap_or(u32::MAX))
}

async fn applied(client: &Client) -> Result<u32, StoreError> {
    let exists = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0)::BIGINT FROM refinery_schema_history";
    let newest: i64 = client.query_one(newest, &[]).await?.try_get(0)?;
    Ok(u32::try_from(newest).unwrap_or(u32::MAX))
}
