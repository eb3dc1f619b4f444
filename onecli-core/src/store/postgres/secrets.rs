//! Secrets.

use async_trait::async_trait;
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

use super::{
    PostgresStore,
    change::Change,
    columns::{Columns, found, to_json},
    constraint::taken,
};
use crate::{
    model::{Sealed, Secret, SecretId, SecretType},
    store::{PolicyVersion, SecretRow, SecretStore, StoreError},
};

const WHAT: &str = "secret";

#[async_trait]
impl SecretStore for PostgresStore {
    async fn create_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "INSERT INTO secrets (id, name, kind, host_pattern, path_pattern, injection, allow_plain_http, \
                   preview, created_at, updated_at, last_used_at, expires_at, sealed_value) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        write(&change, sql, row).await?;
        change.commit(self).await
    }

    async fn update_secret(&self, row: &SecretRow) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "UPDATE secrets SET name = $2, kind = $3, host_pattern = $4, path_pattern = $5, injection = $6, \
                   allow_plain_http = $7, preview = $8, created_at = $9, updated_at = $10, \
                   last_used_at = greatest(last_used_at, $11), expires_at = $12, sealed_value = $13 WHERE id = $1";
        found(write(&change, sql, row).await?, WHAT)?;
        change.commit(self).await
    }

    async fn delete_secret(&self, id: SecretId) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        found(change.execute("DELETE FROM secrets WHERE id = $1", &[&id.0]).await?, WHAT)?;
        change.commit(self).await
    }

    async fn list_secrets(&self) -> Result<Vec<SecretRow>, StoreError> {
        all(&**self.client().await?).await
    }
}

pub(super) async fn some(client: &impl GenericClient, ids: &[Uuid]) -> Result<Vec<SecretRow>, StoreError> {
    let rows = client.query("SELECT * FROM secrets WHERE id = ANY ($1)", &[&ids]).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn all(client: &impl GenericClient) -> Result<Vec<SecretRow>, StoreError> {
    let rows = client.query("SELECT * FROM secrets ORDER BY created_at, id", &[]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<SecretRow, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    let secret = Secret {
        id: columns.id(),
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

async fn write(change: &Change<'_>, sql: &str, row: &SecretRow) -> Result<u64, StoreError> {
    let SecretRow { secret, sealed_value } = row;
    let written = change
        .execute(
            sql,
            &[
                &secret.id.0,
                &secret.name,
                &secret.kind.as_str(),
                &secret.host_pattern.to_string(),
                &secret.path_pattern.as_str(),
                &to_json(&secret.injection)?,
                &secret.allow_plain_http,
                &secret.preview,
                &secret.created_at,
                &secret.updated_at,
                &secret.last_used_at,
                &secret.expires_at,
                &sealed_value.as_bytes(),
            ],
        )
        .await;
    written.map_err(|error| taken(error, "secret_names_are_unique", "the secret name", &secret.name))
}
