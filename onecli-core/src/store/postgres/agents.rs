//! Agents.

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

use super::{
    PostgresStore, assigned,
    change::Change,
    columns::{Columns, found},
    constraint::{missing_reference, taken},
};
use crate::{
    model::{Agent, AgentId, Sealed, SecretId, SecretMode},
    store::{AgentRow, AgentStore, PolicyVersion, StoreError, TokenHash},
};

const WHAT: &str = "agent";

#[async_trait]
impl AgentStore for PostgresStore {
    async fn create_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        clear_default(&change, &row.agent).await?;
        insert(&change, row).await?;
        change.commit(self).await
    }

    async fn update_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let agent = &row.agent;
        clear_default(&change, agent).await?;
        let sql = "UPDATE agents SET name = $2, is_default = $3, secret_mode = $4, enabled = $5, expires_at = $6 \
                   WHERE id = $1";
        let mode = agent.secret_mode.as_str();
        let updated = change
            .execute(
                sql,
                &[&agent.id.0, &agent.name, &agent.is_default, &mode, &agent.enabled, &agent.expires_at],
            )
            .await?;
        found(updated, WHAT)?;
        change.commit(self).await
    }

    async fn replace_agent_token(
        &self, id: AgentId, hash: &TokenHash, sealed: &Sealed,
    ) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "UPDATE agents SET token_hash = $2, sealed_token = $3 WHERE id = $1";
        found(change.execute(sql, &[&id.0, &&hash.0[..], &sealed.as_bytes()]).await?, WHAT)?;
        change.commit(self).await
    }

    async fn delete_agent(&self, id: AgentId) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        found(change.execute("DELETE FROM agents WHERE id = $1", &[&id.0]).await?, WHAT)?;
        change.commit(self).await
    }

    async fn assign_secrets(&self, id: AgentId, secrets: &[SecretId]) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        assigned::put(&change, id, secrets).await?;
        change.commit(self).await
    }

    async fn list_assigned(&self, id: AgentId) -> Result<Vec<SecretId>, StoreError> {
        assigned::of(&**self.client().await?, id).await
    }

    async fn list_agents(&self) -> Result<Vec<AgentRow>, StoreError> {
        all(&**self.client().await?).await
    }

    async fn touch(
        &self, agents: &[(AgentId, OffsetDateTime)], secrets: &[(SecretId, OffsetDateTime)],
    ) -> Result<(), StoreError> {
        let client = self.client().await?;
        let (ids, times) = unzip(agents.iter().map(|(id, at)| (id.0, *at)));
        if !ids.is_empty() {
            // Greatest ignores what is not set.
            let sql = "UPDATE agents SET last_seen_at = greatest(last_seen_at, seen.at) \
                       FROM unnest($1::UUID[], $2::TIMESTAMPTZ[]) AS seen (id, at) WHERE agents.id = seen.id";
            client.execute(&client.prepare_cached(sql).await?, &[&ids, &times]).await?;
        }
        let (ids, times) = unzip(secrets.iter().map(|(id, at)| (id.0, *at)));
        if !ids.is_empty() {
            let sql = "UPDATE secrets SET last_used_at = greatest(last_used_at, used.at) \
                       FROM unnest($1::UUID[], $2::TIMESTAMPTZ[]) AS used (id, at) WHERE secrets.id = used.id";
            client.execute(&client.prepare_cached(sql).await?, &[&ids, &times]).await?;
        }
        Ok(())
    }
}

/// In one order, so that two gateways never wait for each other in a ring.
fn unzip(pairs: impl Iterator<Item = (Uuid, OffsetDateTime)>) -> (Vec<Uuid>, Vec<OffsetDateTime>) {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs.into_iter().unzip()
}

pub(super) async fn some(client: &impl GenericClient, ids: &[Uuid]) -> Result<Vec<AgentRow>, StoreError> {
    let rows = client.query("SELECT * FROM agents WHERE id = ANY ($1)", &[&ids]).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn all(client: &impl GenericClient) -> Result<Vec<AgentRow>, StoreError> {
    let rows = client.query("SELECT * FROM agents ORDER BY created_at, id", &[]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AgentRow, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    let agent = Agent {
        id: columns.id(),
        name: columns.get("name")?,
        identifier: columns.parse("identifier")?,
        is_default: columns.get("is_default")?,
        secret_mode: columns.named("secret_mode", SecretMode::from_name)?,
        enabled: columns.get("enabled")?,
        parent_id: columns.opt_id("parent_id")?,
        created_at: columns.time("created_at")?,
        last_seen_at: columns.opt_time("last_seen_at")?,
        expires_at: columns.opt_time("expires_at")?,
    };
    let sealed_token = Sealed::from_bytes(columns.get("sealed_token")?);
    Ok(AgentRow { agent, token_hash: columns.hash("token_hash")?, sealed_token })
}

async fn insert(change: &Change<'_>, row: &AgentRow) -> Result<(), StoreError> {
    let AgentRow { agent, token_hash, sealed_token } = row;
    let sql = "INSERT INTO agents (id, name, identifier, is_default, secret_mode, enabled, parent_id, created_at, \
               last_seen_at, expires_at, token_hash, sealed_token) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let inserted = change
        .execute(
            sql,
            &[
                &agent.id.0,
                &agent.name,
                &agent.identifier.as_str(),
                &agent.is_default,
                &agent.secret_mode.as_str(),
                &agent.enabled,
                &agent.parent_id.map(|id| id.0),
                &agent.created_at,
                &agent.last_seen_at,
                &agent.expires_at,
                &&token_hash.0[..],
                &sealed_token.as_bytes(),
            ],
        )
        .await;
    inserted.map(drop).map_err(|error| match missing_reference(&error) {
        true => StoreError::NotFound(WHAT),
        false => taken(error, "identifiers_are_unique", "the identifier", agent.identifier.as_str()),
    })
}

/// One at most is the default one.
async fn clear_default(change: &Change<'_>, next: &Agent) -> Result<(), StoreError> {
    if next.is_default {
        change
            .execute("UPDATE agents SET is_default = FALSE WHERE is_default AND id <> $1", &[&next.id.0])
            .await?;
    }
    Ok(())
}
