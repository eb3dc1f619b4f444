//! Agents.

use async_trait::async_trait;
use rusqlite::{Transaction, named_params, params};
use time::OffsetDateTime;

use super::{
    SqliteStore, assigned,
    columns::{Columns, found, micros, opt_micros},
    constraint::{missing_reference, taken},
};
use crate::{
    model::{Agent, AgentId, Sealed, SecretId, SecretMode},
    store::{AgentRow, AgentStore, PolicyVersion, StoreError, TokenHash},
};

const WHAT: &str = "agent";

#[async_trait]
impl AgentStore for SqliteStore {
    async fn create_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError> {
        let row = row.clone();
        self.change(move |transaction| {
            if row.agent.is_default {
                clear_default(transaction)?;
            }
            insert(transaction, &row)
        })
        .await
    }

    async fn update_agent(&self, row: &AgentRow) -> Result<PolicyVersion, StoreError> {
        let agent = row.agent.clone();
        self.change(move |transaction| {
            if agent.is_default {
                clear_default(transaction)?;
            }
            let sql = "UPDATE agents SET name = :name, is_default = :is_default, secret_mode = :secret_mode, \
                       enabled = :enabled, expires_at = :expires_at WHERE id = :id";
            let updated = transaction.execute(
                sql,
                named_params! {
                    ":id": agent.id.to_string(),
                    ":name": agent.name,
                    ":is_default": agent.is_default,
                    ":secret_mode": agent.secret_mode.as_str(),
                    ":enabled": agent.enabled,
                    ":expires_at": opt_micros(agent.expires_at),
                },
            )?;
            found(updated, WHAT)
        })
        .await
    }

    async fn replace_agent_token(
        &self, id: AgentId, hash: &TokenHash, sealed: &Sealed,
    ) -> Result<PolicyVersion, StoreError> {
        let (hash, sealed) = (*hash, sealed.clone());
        self.change(move |transaction| {
            let sql = "UPDATE agents SET token_hash = ?2, sealed_token = ?3 WHERE id = ?1";
            found(transaction.execute(sql, params![id.to_string(), hash.0, sealed.as_bytes()])?, WHAT)
        })
        .await
    }

    async fn delete_agent(&self, id: AgentId) -> Result<PolicyVersion, StoreError> {
        self.change(move |transaction| {
            found(transaction.execute("DELETE FROM agents WHERE id = ?1", [id.to_string()])?, WHAT)
        })
        .await
    }

    async fn assign_secrets(&self, id: AgentId, secrets: &[SecretId]) -> Result<PolicyVersion, StoreError> {
        let secrets = secrets.to_vec();
        self.change(move |transaction| assigned::put(transaction, id, &secrets)).await
    }

    async fn list_assigned(&self, id: AgentId) -> Result<Vec<SecretId>, StoreError> {
        self.connections.read(move |transaction| assigned::of(transaction, id)).await
    }

    async fn list_agents(&self) -> Result<Vec<AgentRow>, StoreError> {
        self.connections.read(all).await
    }

    async fn touch(
        &self, agents: &[(AgentId, OffsetDateTime)], secrets: &[(SecretId, OffsetDateTime)],
    ) -> Result<(), StoreError> {
        let (agents, secrets) = (agents.to_vec(), secrets.to_vec());
        self.connections
            .write(move |transaction| {
                let mut seen = transaction.prepare_cached(
                    "UPDATE agents SET last_seen_at = max(coalesce(last_seen_at, 0), ?2) WHERE id = ?1",
                )?;
                for (id, at) in agents {
                    seen.execute(params![id.to_string(), micros(at)])?;
                }
                let mut used = transaction.prepare_cached(
                    "UPDATE secrets SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1",
                )?;
                for (id, at) in secrets {
                    used.execute(params![id.to_string(), micros(at)])?;
                }
                Ok(())
            })
            .await
    }
}

pub(super) fn all(transaction: &Transaction<'_>) -> Result<Vec<AgentRow>, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT * FROM agents ORDER BY created_at, id")?;
    let mut rows = statement.query([])?;
    let mut agents = Vec::new();
    while let Some(row) = rows.next()? {
        agents.push(read(&Columns::of(row, WHAT)?)?);
    }
    Ok(agents)
}

fn read(columns: &Columns<'_>) -> Result<AgentRow, StoreError> {
    let agent = Agent {
        id: columns.parse("id")?,
        name: columns.get("name")?,
        identifier: columns.parse("identifier")?,
        is_default: columns.get("is_default")?,
        secret_mode: columns.named("secret_mode", SecretMode::from_name)?,
        enabled: columns.get("enabled")?,
        parent_id: columns.opt_parse("parent_id")?,
        created_at: columns.time("created_at")?,
        last_seen_at: columns.opt_time("last_seen_at")?,
        expires_at: columns.opt_time("expires_at")?,
    };
    let sealed_token = Sealed::from_bytes(columns.get("sealed_token")?);
    Ok(AgentRow { agent, token_hash: columns.hash("token_hash")?, sealed_token })
}

fn insert(transaction: &Transaction<'_>, row: &AgentRow) -> Result<(), StoreError> {
    let AgentRow { agent, token_hash, sealed_token } = row;
    let sql = "INSERT INTO agents (id, name, identifier, is_default, secret_mode, enabled, parent_id, created_at, \
               last_seen_at, expires_at, token_hash, sealed_token) VALUES (:id, :name, :identifier, :is_default, \
               :secret_mode, :enabled, :parent_id, :created_at, :last_seen_at, :expires_at, :token_hash, :sealed_token)";
    let inserted = transaction.execute(
        sql,
        named_params! {
            ":id": agent.id.to_string(),
            ":name": agent.name,
            ":identifier": agent.identifier.as_str(),
            ":is_default": agent.is_default,
            ":secret_mode": agent.secret_mode.as_str(),
            ":enabled": agent.enabled,
            ":parent_id": agent.parent_id.map(|id| id.to_string()),
            ":created_at": micros(agent.created_at),
            ":last_seen_at": opt_micros(agent.last_seen_at),
            ":expires_at": opt_micros(agent.expires_at),
            ":token_hash": token_hash.0,
            ":sealed_token": sealed_token.as_bytes(),
        },
    );
    inserted.map(drop).map_err(|error| match missing_reference(&error) {
        true => StoreError::NotFound(WHAT),
        false => taken(error, "agents.identifier", "the identifier", agent.identifier.as_str()),
    })
}

fn clear_default(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction.execute("UPDATE agents SET is_default = 0 WHERE is_default = 1", [])?;
    Ok(())
}
