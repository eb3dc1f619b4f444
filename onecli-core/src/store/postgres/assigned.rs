//! Which secrets were assigned to which agents.

use tokio_postgres::GenericClient;
use uuid::Uuid;

use super::{change::Change, constraint::missing_reference};
use crate::{
    model::{AgentId, SecretId},
    store::StoreError,
};

pub(super) async fn put(change: &Change<'_>, agent: AgentId, secrets: &[SecretId]) -> Result<(), StoreError> {
    change.execute("DELETE FROM agent_secrets WHERE agent_id = $1", &[&agent.0]).await?;
    let secrets: Vec<Uuid> = secrets.iter().map(|id| id.0).collect();
    let sql = "INSERT INTO agent_secrets (agent_id, secret_id) SELECT $1, unnest($2::UUID[]) ON CONFLICT DO NOTHING";
    change.execute(sql, &[&agent.0, &secrets]).await.map(drop).map_err(|error| {
        match missing_reference(&error) {
            true => StoreError::NotFound("agent or secret"),
            false => error.into(),
        }
    })
}

pub(super) async fn of(client: &impl GenericClient, agent: AgentId) -> Result<Vec<SecretId>, StoreError> {
    let sql = "SELECT secret_id FROM agent_secrets WHERE agent_id = $1 ORDER BY secret_id";
    let rows = client.query(sql, &[&agent.0]).await?;
    rows.iter().map(|row| Ok(SecretId(row.try_get(0)?))).collect()
}

pub(super) async fn all(client: &impl GenericClient) -> Result<Vec<(AgentId, SecretId)>, StoreError> {
    let sql = "SELECT agent_id, secret_id FROM agent_secrets ORDER BY agent_id, secret_id";
    let rows = client.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((AgentId(row.try_get(0)?), SecretId(row.try_get(1)?)))).collect()
}
