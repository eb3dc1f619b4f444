//! What the vault and sign-in keep.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    SqliteStore,
    columns::{Columns, found, micros, opt_micros},
};
use crate::{
    model::ApiKeyId,
    store::{ApiKeyRow, KeyStore, Role, StoreError, TokenHash},
};

const WHAT: &str = "API key";

#[async_trait]
impl KeyStore for SqliteStore {
    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.connections.read(move |transaction| blob(transaction, &name)).await
    }

    async fn put_blob_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (name, value) = (name.to_owned(), value.to_vec());
        self.connections
            .write(move |transaction| {
                let sql = "INSERT INTO blobs (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
                transaction.execute(sql, params![name, value])?;
                blob(transaction, &name)?.ok_or(StoreError::NotFound("blob"))
            })
            .await
    }

    async fn has_sealed_data(&self) -> Result<bool, StoreError> {
        let read = |transaction: &Transaction<'_>| {
            let sql = "SELECT EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM secrets) OR EXISTS (SELECT 1 FROM blobs)";
            Ok(transaction.query_row(sql, [], |row| row.get(0))?)
        };
        self.connections.read(read).await
    }

    async fn create_api_key(&self, row: &ApiKeyRow) -> Result<(), StoreError> {
        let row = row.clone();
        self.connections
            .write(move |transaction| {
                let sql = "INSERT INTO api_keys (id, name, role, hash, prefix, created_at, expires_at) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                let (created_at, expires_at) = (micros(row.created_at), opt_micros(row.expires_at));
                let (id, role) = (row.id.to_string(), row.role.as_str());
                transaction.execute(
                    sql,
                    params![id, row.name, role, row.hash.0, row.prefix, created_at, expires_at],
                )?;
                Ok(())
            })
            .await
    }

    async fn find_api_key(&self, hash: &TokenHash) -> Result<Option<ApiKeyRow>, StoreError> {
        let hash = *hash;
        self.connections
            .read(move |transaction| {
                let mut statement = transaction.prepare_cached("SELECT * FROM api_keys WHERE hash = ?1")?;
                let mut rows = statement.query([hash.0])?;
                rows.next()?.map(|row| read(&Columns::of(row, WHAT)?)).transpose()
            })
            .await
    }

    async fn delete_api_key(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.connections
            .write(move |transaction| {
                found(transaction.execute("DELETE FROM api_keys WHERE id = ?1", [id.to_string()])?, WHAT)
            })
            .await
    }
}

fn blob(transaction: &Transaction<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM blobs WHERE name = ?1";
    Ok(transaction.query_row(sql, [name], |row| row.get(0)).optional()?)
}

fn read(columns: &Columns<'_>) -> Result<ApiKeyRow, StoreError> {
    Ok(ApiKeyRow {
        id: columns.parse("id")?,
        name: columns.get("name")?,
        role: columns.named("role", Role::from_name)?,
        hash: columns.hash("hash")?,
        prefix: columns.get("prefix")?,
        created_at: columns.time("created_at")?,
        expires_at: columns.opt_time("expires_at")?,
    })
}
