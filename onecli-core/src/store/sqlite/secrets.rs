//! Secrets.

use async_trait::async_trait;
use rusqlite::{Transaction, named_params};

use super::{
    SqliteStore,
    columns::{Columns, found, micros, opt_micros, to_json},
    constraint::taken,
};
use crate::{
    model::{Sealed, Secret, SecretId, SecretType},
    store::{PolicyVersion, SecretRow, SecretStore, StoreError},
};

const WHAT: &str = "secret";

#[async_trait]
impl SecretStore for SqliteStore {
    async fn create_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError> {
        let row = row.clone();
        self.change(move |transaction| {
            let sql = "INSERT INTO secrets (id, name, kind, host_pattern, path_pattern, injection, allow_plain_http, \
                       preview, created_at, updated_at, last_used_at, expires_at, sealed_value) VALUES (:id, :name, \
                       :kind, :host_pattern, :path_pattern, :injection, :allow_plain_http, :preview, :created_at, \
                       :updated_at, :last_used_at, :expires_at, :sealed_value)";
            write(transaction, sql, &row).map(drop)
        })
        .await
    }

    async fn update_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError> {
        let row = row.clone();
        self.change(move |transaction| {
            let sql = "UPDATE secrets SET name = :name, kind = :kind, host_pattern = :host_pattern, \
                       path_pattern = :path_pattern, injection = :injection, allow_plain_http = :allow_plain_http, \
                       preview = :preview, created_at = :created_at, updated_at = :updated_at, \
                       last_used_at = max(coalesce(last_used_at, :last_used_at), \
                       coalesce(:last_used_at, last_used_at)), \
                       expires_at = :expires_at, sealed_value = :sealed_value WHERE id = :id";
            found(write(transaction, sql, &row)?, WHAT)
        })
        .await
    }

    async fn delete_secret(&self, id: SecretId) -> Result<PolicyVersion, StoreError> {
        self.change(move |transaction| {
            found(transaction.execute("DELETE FROM secrets WHERE id = ?1", [id.to_string()])?, WHAT)
        })
        .await
    }

    async fn list_secrets(&self) -> Result<Vec<SecretRow>, StoreError> {
        self.connections.read(all).await
    }
}

pub(super) fn all(transaction: &Transaction<'_>) -> Result<Vec<SecretRow>, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT * FROM secrets ORDER BY created_at, id")?;
    let mut rows = statement.query([])?;
    let mut secrets = Vec::new();
    while let Some(row) = rows.next()? {
        secrets.push(read(&Columns::of(row, WHAT)?)?);
    }
    Ok(secrets)
}

fn read(columns: &Columns<'_>) -> Result<SecretRow, StoreError> {
    let secret = Secret {
        id: columns.parse("id")?,
        name: columns.get("name")?,
        kind: columns.named("kind", SecretType::from_name)?,
        host_pattern: columns.parse("host_pattern")?,
        path_pattern: columns.parse("path_pattern")?,
        injection: columns.json("injection")?,
        allow_plain_http: columns.get("allow_plain_http")?,
        preview: columns.get("preview")?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
        last_used_at: columns.opt_time("last_used_at")?,
        expires_at: columns.opt_time("expires_at")?,
    };
    Ok(SecretRow { secret, sealed_value: Sealed::from_bytes(columns.get("sealed_value")?) })
}

fn write(transaction: &Transaction<'_>, sql: &str, row: &SecretRow) -> Result<usize, StoreError> {
    let SecretRow { secret, sealed_value } = row;
    let written = transaction.execute(
        sql,
        named_params! {
            ":id": secret.id.to_string(),
            ":name": secret.name,
            ":kind": secret.kind.as_str(),
            ":host_pattern": secret.host_pattern.to_string(),
            ":path_pattern": secret.path_pattern.as_str(),
            ":injection": to_json(&secret.injection)?,
            ":allow_plain_http": secret.allow_plain_http,
            ":preview": secret.preview,
            ":created_at": micros(secret.created_at),
            ":updated_at": micros(secret.updated_at),
            ":last_used_at": opt_micros(secret.last_used_at),
            ":expires_at": opt_micros(secret.expires_at),
            ":sealed_value": sealed_value.as_bytes(),
        },
    );
    written.map_err(|error| taken(error, "secrets.name", "the secret name", &secret.name))
}
