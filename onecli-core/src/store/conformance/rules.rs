//! Rules.

use super::rows::{agent, at, rule};
use crate::{
    model::{Action, AgentId, Condition, Rule},
    store::{Store, StoreError},
};

fn assert_same(found: &[Rule], expected: &[&Rule]) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

async fn different(store: &dyn Store) -> Rule {
    let about = agent("about");
    store.create_agent(&about).await.unwrap();
    let mut row = rule("Ünïcode 'quoted'");
    row.host_pattern = "*".parse().unwrap();
    row.path_pattern = "/repos/*/pulls".parse().unwrap();
    row.methods = Vec::new();
    row.action = Action::Allow;
    row.conditions = vec![
        Condition::BodyContains { value: "\"'%_ü".into() },
        Condition::QueryHas { name: "force".into(), value: None },
    ];
    row.enabled = false;
    row.agent_id = Some(about.agent.id);
    row.created_at = at(10);
    row.updated_at = at(20);
    row
}

pub async fn are_kept_as_given(store: &dyn Store) {
    let (first, second) = (rule("first"), different(store).await);
    store.create_rule(&second).await.unwrap();
    store.create_rule(&first).await.unwrap();
    assert_same(&store.list_rules().await.unwrap(), &[&first, &second]);
    store.delete_rule(first.id).await.unwrap();
    assert_same(&store.list_rules().await.unwrap(), &[&second]);
}

pub async fn unknown_ones_are_not_found(store: &dyn Store) {
    let row = rule("ghost");
    assert!(matches!(store.update_rule(&row).await, Err(StoreError::NotFound("rule"))));
    assert!(matches!(store.delete_rule(row.id).await, Err(StoreError::NotFound("rule"))));
}

pub async fn updates_replace(store: &dyn Store) {
    let row = rule("before");
    store.create_rule(&row).await.unwrap();
    let mut update = different(store).await;
    update.id = row.id;
    store.update_rule(&update).await.unwrap();
    assert_same(&store.list_rules().await.unwrap(), &[&update]);
}

pub async fn agents_must_exist(store: &dyn Store) {
    let kept = rule("kept");
    store.create_rule(&kept).await.unwrap();
    let mut lost = kept.clone();
    lost.agent_id = Some(AgentId::generate());
    assert!(matches!(store.update_rule(&lost).await, Err(StoreError::NotFound("agent"))));
    let mut new = rule("new");
    new.agent_id = lost.agent_id;
    assert!(matches!(store.create_rule(&new).await, Err(StoreError::NotFound("agent"))));
    assert_same(&store.list_rules().await.unwrap(), &[&kept]);
}
