//! Rules.

use async_trait::async_trait;
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

use super::{
    PostgresStore,
    change::Change,
    columns::{Columns, found, to_json},
    constraint::missing_reference,
};
use crate::{
    model::{Action, Rule, RuleId},
    store::{PolicyVersion, RuleStore, StoreError},
};

const WHAT: &str = "rule";

#[async_trait]
impl RuleStore for PostgresStore {
    async fn create_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "INSERT INTO rules (id, name, host_pattern, path_pattern, methods, conditions, action, rate_limit, \
                   rate_limit_seconds, enabled, agent_id, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        write(&change, sql, rule).await?;
        change.commit(self).await
    }

    async fn update_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        let sql = "UPDATE rules SET name = $2, host_pattern = $3, path_pattern = $4, methods = $5, conditions = $6, \
                   action = $7, rate_limit = $8, rate_limit_seconds = $9, enabled = $10, agent_id = $11, \
                   created_at = $12, updated_at = $13 WHERE id = $1";
        found(write(&change, sql, rule).await?, WHAT)?;
        change.commit(self).await
    }

    async fn delete_rule(&self, id: RuleId) -> Result<PolicyVersion, StoreError> {
        let mut client = self.client().await?;
        let change = Change::begin(&mut client).await?;
        found(change.execute("DELETE FROM rules WHERE id = $1", &[&id.0]).await?, WHAT)?;
        change.commit(self).await
    }

    async fn list_rules(&self) -> Result<Vec<Rule>, StoreError> {
        all(&**self.client().await?).await
    }
}

pub(super) async fn some(client: &impl GenericClient, ids: &[Uuid]) -> Result<Vec<Rule>, StoreError> {
    let rows = client.query("SELECT * FROM rules WHERE id = ANY ($1)", &[&ids]).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn all(client: &impl GenericClient) -> Result<Vec<Rule>, StoreError> {
    let rows = client.query("SELECT * FROM rules ORDER BY created_at, id", &[]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Rule, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    let limit = match (columns.get("rate_limit")?, columns.get("rate_limit_seconds")?) {
        (Some(requests), Some(seconds)) => Some(columns.rate_limit(requests, seconds)?),
        _ => None,
    };
    Ok(Rule {
        id: columns.id(),
        name: columns.get("name")?,
        host_pattern: columns.parse("host_pattern")?,
        path_pattern: columns.parse("path_pattern")?,
        methods: columns.json("methods")?,
        conditions: columns.json("conditions")?,
        action: columns.named("action", |name| Action::from_name(name, limit))?,
        enabled: columns.get("enabled")?,
        agent_id: columns.opt_id("agent_id")?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
    })
}

async fn write(change: &Change<'_>, sql: &str, rule: &Rule) -> Result<u64, StoreError> {
    let limit = rule.action.rate_limit();
    let written = change
        .execute(
            sql,
            &[
                &rule.id.0,
                &rule.name,
                &rule.host_pattern.to_string(),
                &rule.path_pattern.as_str(),
                &to_json(&rule.methods)?,
                &to_json(&rule.conditions)?,
                &rule.action.as_str(),
                &limit.map(|limit| i64::from(limit.requests())),
                &limit.map(|limit| i64::from(limit.window().seconds())),
                &rule.enabled,
                &rule.agent_id.map(|id| id.0),
                &rule.created_at,
                &rule.updated_at,
            ],
        )
        .await;
    written.map_err(|error| match missing_reference(&error) {
        true => StoreError::NotFound("agent"),
        false => error.into(),
    })
}
