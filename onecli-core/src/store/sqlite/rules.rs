//! Rules.

use async_trait::async_trait;
use rusqlite::{Transaction, named_params};

use super::{
    SqliteStore,
    columns::{Columns, found, micros, to_json},
    constraint::missing_reference,
};
use crate::{
    model::{Action, RateLimit, Rule, RuleId},
    store::{PolicyVersion, RuleStore, StoreError},
};

const WHAT: &str = "rule";

#[async_trait]
impl RuleStore for SqliteStore {
    async fn create_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError> {
        let rule = rule.clone();
        self.change(move |transaction| {
            let sql = "INSERT INTO rules (id, name, host_pattern, path_pattern, methods, conditions, action, rate_limit, \
                       rate_limit_seconds, enabled, agent_id, created_at, updated_at) VALUES (:id, :name, :host_pattern, :path_pattern, :methods, :conditions, :action, \
                       :rate_limit, :rate_limit_seconds, :enabled, :agent_id, :created_at, :updated_at)";
            write(transaction, sql, &rule).map(drop)
        })
        .await
    }

    async fn update_rule(&self, rule: &Rule) -> Result<PolicyVersion, StoreError> {
        let rule = rule.clone();
        self.change(move |transaction| {
            let sql = "UPDATE rules SET name = :name, host_pattern = :host_pattern, path_pattern = :path_pattern, \
                       methods = :methods, conditions = :conditions, action = :action, rate_limit = :rate_limit, \
                       rate_limit_seconds = :rate_limit_seconds, enabled = :enabled, agent_id = :agent_id, \
                       created_at = :created_at, updated_at = :updated_at WHERE id = :id";
            found(write(transaction, sql, &rule)?, WHAT)
        })
        .await
    }

    async fn delete_rule(&self, id: RuleId) -> Result<PolicyVersion, StoreError> {
        self.change(move |transaction| {
            found(transaction.execute("DELETE FROM rules WHERE id = ?1", [id.to_string()])?, WHAT)
        })
        .await
    }

    async fn list_rules(&self) -> Result<Vec<Rule>, StoreError> {
        self.connections.read(all).await
    }
}

pub(super) fn all(transaction: &Transaction<'_>) -> Result<Vec<Rule>, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT * FROM rules ORDER BY created_at, id")?;
    let mut rows = statement.query([])?;
    let mut rules = Vec::new();
    while let Some(row) = rows.next()? {
        rules.push(read(&Columns::of(row, WHAT)?)?);
    }
    Ok(rules)
}

fn read(columns: &Columns<'_>) -> Result<Rule, StoreError> {
    let limit = match (columns.get("rate_limit")?, columns.get("rate_limit_seconds")?) {
        (Some(requests), Some(seconds)) => Some(columns.rate_limit(requests, seconds)?),
        _ => None,
    };
    Ok(Rule {
        id: columns.parse("id")?,
        name: columns.get("name")?,
        host_pattern: columns.parse("host_pattern")?,
        path_pattern: columns.parse("path_pattern")?,
        methods: columns.json("methods")?,
        conditions: columns.json("conditions")?,
        action: columns.named("action", |name| Action::from_name(name, limit))?,
        enabled: columns.get("enabled")?,
        agent_id: columns.opt_parse("agent_id")?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
    })
}

fn write(transaction: &Transaction<'_>, sql: &str, rule: &Rule) -> Result<usize, StoreError> {
    let written = transaction.execute(
        sql,
        named_params! {
            ":id": rule.id.to_string(),
            ":name": rule.name,
            ":host_pattern": rule.host_pattern.to_string(),
            ":path_pattern": rule.path_pattern.as_str(),
            ":methods": to_json(&rule.methods)?,
            ":conditions": to_json(&rule.conditions)?,
            ":action": rule.action.as_str(),
            ":rate_limit": rule.action.rate_limit().map(RateLimit::requests),
            ":rate_limit_seconds": rule.action.rate_limit().map(|limit| limit.window().seconds()),
            ":enabled": rule.enabled,
            ":agent_id": rule.agent_id.map(|id| id.to_string()),
            ":created_at": micros(rule.created_at),
            ":updated_at": micros(rule.updated_at),
        },
    );
    written.map_err(|error| match missing_reference(&error) {
        true => StoreError::NotFound("agent"),
        false => error.into(),
    })
}
