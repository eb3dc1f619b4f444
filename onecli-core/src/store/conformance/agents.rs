//! Agents.

use super::rows::{agent, at, child, hash, rule, secret};
use crate::{
    model::{AgentId, Sealed, SecretId, SecretMode},
    store::{AgentRow, Store, StoreError},
};

async fn identifiers(store: &dyn Store) -> Vec<String> {
    store.list_agents().await.unwrap().iter().map(|row| row.agent.identifier.to_string()).collect()
}

async fn find(store: &dyn Store, id: AgentId) -> AgentRow {
    store.list_agents().await.unwrap().into_iter().find(|row| row.agent.id == id).unwrap()
}

fn assert_same(found: &AgentRow, expected: &AgentRow) {
    assert_eq!(format!("{:?}", found.agent), format!("{:?}", expected.agent));
    assert!(found.token_hash == expected.token_hash);
    assert_eq!(found.sealed_token, expected.sealed_token);
}

pub async fn are_kept_as_given(store: &dyn Store) {
    let plain = agent("plain");
    let mut full = child("full", plain.agent.id);
    full.agent.name = "Ünïcode 'quoted' \"名\"".to_owned();
    full.agent.is_default = true;
    full.agent.secret_mode = SecretMode::Selective;
    full.agent.enabled = false;
    full.agent.created_at = at(1);
    full.agent.last_seen_at = Some(at(2));
    full.agent.expires_at = Some(at(-500_000_000));
    store.create_agent(&plain).await.unwrap();
    store.create_agent(&full).await.unwrap();

    let rows = store.list_agents().await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_same(&rows[0], &plain);
    assert_same(&rows[1], &full);
}

pub async fn identifiers_are_unique(store: &dyn Store) {
    store.create_agent(&agent("ci")).await.unwrap();
    let mut second = agent("ci");
    second.agent.is_default = true;
    match store.create_agent(&second).await {
        Err(StoreError::Conflict { what: "the identifier", value }) => assert_eq!(value, "ci"),
        other => panic!("{other:?}"),
    }
    // A token that another one has is no fault of the identifier.
    let mut same_token = agent("other");
    same_token.token_hash = store.list_agents().await.unwrap()[0].token_hash;
    assert!(matches!(store.create_agent(&same_token).await, Err(StoreError::Unavailable(_))));
    assert_eq!(identifiers(store).await, ["ci"]);
}

pub async fn unknown_ones_are_not_found(store: &dyn Store) {
    let row = agent("ghost");
    let (id, sealed) = (row.agent.id, &row.sealed_token);
    assert!(matches!(store.update_agent(&row).await, Err(StoreError::NotFound("agent"))));
    assert!(matches!(store.delete_agent(id).await, Err(StoreError::NotFound("agent"))));
    let replaced = store.replace_agent_token(id, &row.token_hash, sealed).await;
    assert!(matches!(replaced, Err(StoreError::NotFound("agent"))));
    store.touch(&[(id, at(0))], &[(SecretId::generate(), at(0))]).await.unwrap();
}

pub async fn updates_change_what_they_should(store: &dyn Store) {
    let mut kept = agent("kept");
    kept.agent.last_seen_at = Some(at(9));
    store.create_agent(&kept).await.unwrap();
    let mut update = agent("renamed");
    update.agent.id = kept.agent.id;
    update.agent.name = "New".to_owned();
    update.agent.is_default = true;
    update.agent.secret_mode = SecretMode::Selective;
    update.agent.enabled = false;
    update.agent.created_at = at(77);
    update.agent.expires_at = Some(at(3));
    store.update_agent(&update).await.unwrap();

    let expected = &mut kept.agent;
    expected.name = "New".to_owned();
    expected.is_default = true;
    expected.secret_mode = SecretMode::Selective;
    expected.enabled = false;
    expected.expires_at = Some(at(3));
    assert_same(&find(store, kept.agent.id).await, &kept);
}

pub async fn one_at_most_is_default(store: &dyn Store) {
    let mut first = agent("first");
    first.agent.is_default = true;
    let second = agent("second");
    store.create_agent(&first).await.unwrap();
    store.create_agent(&second).await.unwrap();
    let defaults = async || {
        let rows = store.list_agents().await.unwrap();
        rows.into_iter().filter(|row| row.agent.is_default).map(|row| row.agent.id).collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, [first.agent.id]);

    let mut promoted = second.clone();
    promoted.agent.is_default = true;
    store.update_agent(&promoted).await.unwrap();
    assert_eq!(defaults().await, [second.agent.id]);

    // One that is not there takes nothing from the one that is.
    let mut ghost = agent("ghost");
    ghost.agent.is_default = true;
    store.update_agent(&ghost).await.unwrap_err();
    assert_eq!(defaults().await, [second.agent.id]);

    let mut third = agent("third");
    third.agent.is_default = true;
    store.create_agent(&third).await.unwrap();
    assert_eq!(defaults().await, [third.agent.id]);
}

pub async fn tokens_are_replaced(store: &dyn Store) {
    let mut row = agent("rotating");
    store.create_agent(&row).await.unwrap();
    row.token_hash = hash();
    row.sealed_token = Sealed::from_bytes(vec![9; 60]);
    store.replace_agent_token(row.agent.id, &row.token_hash, &row.sealed_token).await.unwrap();
    assert_same(&find(store, row.agent.id).await, &row);
}

pub async fn deletion_takes_children_and_rules(store: &dyn Store) {
    let (parent, other) = (agent("parent"), agent("other"));
    let child_row = child("child", parent.agent.id);
    let grandchild = child("grandchild", child_row.agent.id);
    for row in [&parent, &other, &child_row, &grandchild] {
        store.create_agent(row).await.unwrap();
    }
    for (name, agent_id) in [
        ("parent", Some(parent.agent.id)),
        ("grandchild", Some(grandchild.agent.id)),
        ("other", Some(other.agent.id)),
        ("everyone", None),
    ] {
        let mut row = rule(name);
        row.agent_id = agent_id;
        store.create_rule(&row).await.unwrap();
    }
    store.delete_agent(parent.agent.id).await.unwrap();

    assert_eq!(identifiers(store).await, ["other"]);
    let mut rules: Vec<_> = store.list_rules().await.unwrap().into_iter().map(|rule| rule.name).collect();
    rules.sort();
    assert_eq!(rules, ["everyone", "other"]);
}

pub async fn parents_must_exist(store: &dyn Store) {
    let orphan = child("orphan", AgentId::generate());
    assert!(matches!(store.create_agent(&orphan).await, Err(StoreError::NotFound("agent"))));
    assert!(store.list_agents().await.unwrap().is_empty());
}

pub async fn touching_never_goes_back(store: &dyn Store) {
    let (row, secret) = (agent("seen"), secret("used"));
    store.create_agent(&row).await.unwrap();
    store.create_secret(&secret).await.unwrap();
    for (seconds, expected) in [(10, 10), (5, 10), (20, 20)] {
        store.touch(&[(row.agent.id, at(seconds))], &[(secret.secret.id, at(seconds))]).await.unwrap();
        assert_eq!(find(store, row.agent.id).await.agent.last_seen_at, Some(at(expected)));
        assert_eq!(store.list_secrets().await.unwrap()[0].secret.last_used_at, Some(at(expected)));
    }
}
