//! Which secrets were assigned to which agents.

use rusqlite::{Transaction, params};

use super::constraint::missing_reference;
use crate::{
    model::{AgentId, SecretId},
    store::StoreError,
};

pub(super) fn put(
    transaction: &Transaction<'_>, agent: AgentId, secrets: &[SecretId],
) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM agent_secrets WHERE agent_id = ?1", [agent.to_string()])?;
    let sql = "INSERT INTO agent_secrets (agent_id, secret_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for secret in secrets {
        transaction.execute(sql, params![agent.to_string(), secret.to_string()]).map_err(|error| {
            match missing_reference(&error) {
                true => StoreError::NotFound("agent or secret"),
                false => error.into(),
            }
        })?;
    }
    Ok(())
}

pub(super) fn of(transaction: &Transaction<'_>, agent: AgentId) -> Result<Vec<SecretId>, StoreError> {
    let pairs = all(transaction)?.into_iter().filter(|(of, _)| *of == agent);
    Ok(pairs.map(|(_, secret)| secret).collect())
}

pub(super) fn all(transaction: &Transaction<'_>) -> Result<Vec<(AgentId, SecretId)>, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT agent_id, secret_id FROM agent_secrets ORDER BY agent_id, secret_id")?;
    let mut rows = statement.query([])?;
    let mut pairs = Vec::new();
    while let Some(row) = rows.next()? {
        let (agent, secret): (String, String) = (row.get(0)?, row.get(1)?);
        pairs.push((parse(&agent)?, parse(&secret)?));
    }
    Ok(pairs)
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(id: &str) -> Result<T, StoreError> {
    id.parse()
        .map_err(|error| StoreError::Corrupt { what: "assigned secret", detail: format!("{id}: {error}") })
}
