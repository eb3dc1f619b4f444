//! The policy as a whole, its version and its change feed.

use super::rows::{agent, at, event, rule, secret};
use crate::store::{PolicyVersion, SettingRow, Store};

async fn version(store: &dyn Store) -> PolicyVersion {
    store.load_policy().await.unwrap().version
}

pub async fn answers_a_ping(store: &dyn Store) {
    store.ping().await.unwrap();
}

pub async fn every_write_has_a_greater_version(store: &dyn Store) {
    let (agent, secret, rule) = (agent("ci"), secret("github"), rule("block"));
    let setting = SettingRow { name: "a".to_owned(), value: "1".to_owned(), variable: None, changed: true };
    let mut versions = vec![version(store).await];
    versions.push(store.create_agent(&agent).await.unwrap());
    versions.push(store.update_agent(&agent).await.unwrap());
    let token = (&agent.token_hash, &agent.sealed_token);
    versions.push(store.replace_agent_token(agent.agent.id, token.0, token.1).await.unwrap());
    versions.push(store.create_secret(&secret).await.unwrap());
    versions.push(store.update_secret(&secret).await.unwrap());
    versions.push(store.create_rule(&rule).await.unwrap());
    versions.push(store.update_rule(&rule).await.unwrap());
    versions.push(store.put_settings(&[setting]).await.unwrap());
    versions.push(store.delete_rule(rule.id).await.unwrap());
    versions.push(store.delete_secret(secret.secret.id).await.unwrap());
    versions.push(store.delete_agent(agent.agent.id).await.unwrap());
    assert!(versions.is_sorted_by(|earlier, later| earlier < later), "{versions:?}");
    assert_eq!(versions.last(), Some(&version(store).await));
}

pub async fn failed_writes_change_nothing(store: &dyn Store) {
    store.create_agent(&agent("ci")).await.unwrap();
    let mut changes = store.changes();
    let before = version(store).await;
    changes.mark_unchanged();
    store.create_agent(&agent("ci")).await.unwrap_err();
    store.update_secret(&secret("ghost")).await.unwrap_err();
    store.delete_rule(rule("ghost").id).await.unwrap_err();
    assert_eq!(version(store).await, before);
    assert!(!changes.has_changed().unwrap());
}

pub async fn other_writes_are_no_change(store: &dyn Store) {
    let (agent, secret) = (agent("ci"), secret("github"));
    store.create_agent(&agent).await.unwrap();
    store.create_secret(&secret).await.unwrap();
    let mut changes = store.changes();
    let before = version(store).await;
    changes.mark_unchanged();
    store.touch(&[(agent.agent.id, at(1))], &[(secret.secret.id, at(1))]).await.unwrap();
    store.put_blob_once("ca", b"sealed").await.unwrap();
    store.insert_events(&[event(0)]).await.unwrap();
    store.delete_events_before(at(100)).await.unwrap();
    assert_eq!(version(store).await, before);
    assert!(!changes.has_changed().unwrap());
}

pub async fn versions_are_announced_after_commit(store: &dyn Store) {
    let mut changes = store.changes();
    let mut heard = *changes.borrow_and_update();
    assert_eq!(heard, version(store).await);
    let rows: Vec<_> = (0..20).map(|number| rule(&format!("rule {number}"))).collect();
    let write = async {
        let mut newest = PolicyVersion::default();
        for row in &rows {
            newest = newest.max(store.create_rule(row).await.unwrap());
        }
        newest
    };
    let hear = async {
        let mut rules = 0;
        while rules < rows.len() {
            changes.changed().await.unwrap();
            let announced = *changes.borrow_and_update();
            assert!(announced > heard);
            heard = announced;
            // What is announced can be read.
            let policy = store.load_policy().await.unwrap();
            assert!(policy.version >= announced);
            rules = policy.rules.len();
        }
    };
    let (newest, ()) = tokio::join!(write, hear);
    assert_eq!(*changes.borrow(), newest);
    assert_eq!(version(store).await, newest);
}

/// An agent and its rule are deleted in one step: no load may see one without the other, and equal versions are equal
/// policies.
pub async fn loads_are_of_one_moment(store: &dyn Store) {
    let write = async {
        for round in 0..15 {
            let agent = agent(&format!("agent-{round}"));
            let mut rule = rule("about it");
            rule.agent_id = Some(agent.agent.id);
            store.create_agent(&agent).await.unwrap();
            store.create_rule(&rule).await.unwrap();
            store.delete_agent(agent.agent.id).await.unwrap();
        }
    };
    let start = version(store).await.0;
    let read = async {
        for _ in 0..60 {
            let policy = store.load_policy().await.unwrap();
            let found = (policy.agents.len(), policy.rules.len());
            let expected = match (policy.version.0 - start) % 3 {
                0 => (0, 0),
                1 => (1, 0),
                _ => (1, 1),
            };
            assert_eq!(found, expected, "at {:?}", policy.version);
        }
    };
    tokio::join!(write, read);
}
