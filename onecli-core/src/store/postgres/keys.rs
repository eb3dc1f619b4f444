//! What the vault and sign-in keep.

use async_trait::async_trait;
use tokio_postgres::Row;

use super::{
    PostgresStore,
    columns::{Columns, found},
};
use crate::{
    model::ApiKeyId,
    store::{ApiKeyRow, KeyStore, Role, StoreError, TokenHash},
};

const WHAT: &str = "API key";

#[async_trait]
impl KeyStore for PostgresStore {
    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.client().await?.query_opt("SELECT value FROM blobs WHERE name = $1", &[&name]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    async fn put_blob_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let sql = "INSERT INTO blobs (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.client().await?.execute(sql, &[&name, &value]).await?;
        // Whoever came first has committed: the insert has waited for it.
        self.get_blob(name).await?.ok_or(StoreError::NotFound("blob"))
    }

    async fn has_sealed_data(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM secrets) OR EXISTS (SELECT 1 FROM blobs)";
        Ok(self.client().await?.query_one(sql, &[]).await?.try_get(0)?)
    }

    async fn create_api_key(&self, row: &ApiKeyRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_keys (id, name, role, hash, prefix, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (role, hash) = (row.role.as_str(), &row.hash.0[..]);
        self.client()
            .await?
            .execute(
                sql,
                &[&row.id.0, &row.name, &role, &hash, &row.prefix, &row.created_at, &row.expires_at],
            )
            .await?;
        Ok(())
    }

    async fn find_api_key(&self, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached("SELECT * FROM api_keys WHERE hash = $1").await?;
        let row = client.query_opt(&statement, &[&&hash.0[..]]).await?;
        row.map(|row| read(&row)).transpose()
    }

    async fn delete_api_key(&self, id: ApiKeyId) -> Result<(), StoreError> {
        found(self.client().await?.execute("DELETE FROM api_keys WHERE id = $1", &[&id.0]).await?, WHAT)
    }
}

fn read(row: &Row) -> Result<ApiKeyRow, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    Ok(ApiKeyRow {
        id: columns.id(),
        name: columns.get("name")?,
        role: columns.named("role", Role::from_name)?,
        hash: columns.hash("hash")?,
        prefix: columns.get("prefix")?,
        created_at: columns.time("created_at")?,
        expires_at: columns.opt_time("expires_at")?,
    })
}
