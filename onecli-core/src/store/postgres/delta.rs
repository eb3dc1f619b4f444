//! What has changed of the policy since a version.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Object;
use tokio_postgres::{GenericClient, IsolationLevel};
use uuid::Uuid;

use super::{agents, assigned, policy, rules, secrets, settings};
use crate::{
    model::{AgentId, RuleId, SecretId},
    store::{PolicyDelta, PolicyVersion, StoreError},
};

/// Past so many versions or changes all of the policy is read as fast.
const MOST: u64 = 1_000;
/// So many versions are remembered, far more than that.
const REMEMBERED: i64 = 10_000;
/// Forgetting takes a moment: not with each change.
const BETWEEN: i64 = 500;

/// What has changed since a version, as of one moment.
pub(super) async fn since(
    client: &mut Object, since: PolicyVersion,
) -> Result<Option<PolicyDelta>, StoreError> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let moment = builder.start().await?;
    let delta = read(&*moment, since).await?;
    moment.commit().await?;
    Ok(delta)
}

async fn read(client: &impl GenericClient, since: PolicyVersion) -> Result<Option<PolicyDelta>, StoreError> {
    let version = policy::version(client).await?;
    // An older one was restored from a backup.
    if version < since || version.0 - since.0 > MOST {
        return Ok(None);
    }
    let since = i64::try_from(since.0).unwrap_or(i64::MAX);
    let noted = client
        .query("SELECT DISTINCT kind, id FROM policy_changes WHERE version > $1 LIMIT 1001", &[&since])
        .await?;
    if noted.len() as u64 > MOST {
        return Ok(None);
    }
    let mut ids: HashMap<String, Vec<Uuid>> = HashMap::new();
    for row in &noted {
        ids.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    let mut of = |kind: &str| ids.remove(kind).unwrap_or_default();
    let (changed_agents, changed_secrets, changed_rules) = (of("agent"), of("secret"), of("rule"));
    let (reassigned, has_new_settings) = (of("assigned"), !of("settings").is_empty());
    let mut delta = PolicyDelta { version, ..PolicyDelta::default() };
    if !changed_agents.is_empty() {
        let rows = agents::some(client, &changed_agents).await?;
        delta.agents = paired(changed_agents, rows, |row| row.agent.id.0, AgentId);
    }
    if !changed_secrets.is_empty() {
        let rows = secrets::some(client, &changed_secrets).await?;
        delta.secrets = paired(changed_secrets, rows, |row| row.secret.id.0, SecretId);
    }
    if !changed_rules.is_empty() {
        let rows = rules::some(client, &changed_rules).await?;
        delta.rules = paired(changed_rules, rows, |rule| rule.id.0, RuleId);
    }
    for id in reassigned.into_iter().map(AgentId).collect::<HashSet<_>>() {
        delta.assigned.push((id, assigned::of(client, id).await?));
    }
    if has_new_settings {
        delta.settings = Some(settings::all(client).await?);
    }
    Ok(Some(delta))
}

/// Each id with its row, if there is one.
fn paired<R, I>(
    ids: Vec<Uuid>, rows: Vec<R>, id_of: impl Fn(&R) -> Uuid, id: impl Fn(Uuid) -> I,
) -> Vec<(I, Option<R>)> {
    let mut rows: HashMap<Uuid, R> = rows.into_iter().map(|row| (id_of(&row), row)).collect();
    ids.into_iter().map(|found| (id(found), rows.remove(&found))).collect()
}

/// Forgets changes that nobody asks for any more.
pub(super) async fn forget(client: &impl GenericClient, version: i64) -> Result<(), StoreError> {
    if version % BETWEEN == 0 {
        let oldest = version - REMEMBERED;
        client.execute("DELETE FROM policy_changes WHERE version <= $1", &[&oldest]).await?;
    }
    Ok(())
}
