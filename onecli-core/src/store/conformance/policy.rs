//! The policy as a whole, its version and its change feed.

use std::collections::BTreeMap;

use super::rows::{agent, at, event, rule, secret};
use crate::store::{PolicyDelta, PolicyVersion, SettingRow, Store};

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

/// What a reader has who follows changes is what one has who reads all.
pub async fn changes_add_up(store: &dyn Store) {
    let mut followed = Followed::default();
    followed.apply(store.load_policy().await.unwrap().into());
    let (mut parent, mut one, mut two) = (agent("parent"), secret("one"), secret("two"));
    let mut child = agent("child");
    child.agent.parent_id = Some(parent.agent.id);
    let mut about = rule("about the parent");
    about.agent_id = Some(parent.agent.id);
    let setting = SettingRow { name: "a".to_owned(), value: "1".to_owned(), variable: None, changed: true };
    store.create_agent(&parent).await.unwrap();
    store.create_agent(&child).await.unwrap();
    followed.catch_up(store).await;
    store.create_secret(&one).await.unwrap();
    store.create_secret(&two).await.unwrap();
    store.assign_secrets(parent.agent.id, &[one.secret.id, two.secret.id]).await.unwrap();
    store.create_rule(&about).await.unwrap();
    followed.catch_up(store).await;
    store.put_settings(&[setting]).await.unwrap();
    followed.catch_up(store).await;
    parent.agent.name = "renamed".to_owned();
    store.update_agent(&parent).await.unwrap();
    let token = agent("spare");
    store.replace_agent_token(child.agent.id, &token.token_hash, &token.sealed_token).await.unwrap();
    one.secret.host_pattern = "elsewhere.example.com".parse().unwrap();
    store.update_secret(&one).await.unwrap();
    followed.catch_up(store).await;
    // What is gone takes along what is about it.
    store.delete_secret(two.secret.id).await.unwrap();
    followed.catch_up(store).await;
    two = secret("two again");
    store.create_secret(&two).await.unwrap();
    store.delete_agent(parent.agent.id).await.unwrap();
    followed.catch_up(store).await;
    store.touch(&[(child.agent.id, at(1))], &[(one.secret.id, at(1))]).await.unwrap();
    followed.catch_up(store).await;
    assert_eq!((followed.agents.len(), followed.secrets.len(), followed.rules.len()), (0, 2, 0));
}

/// A policy that is kept up to date by its changes. Texts, since rows can't be compared.
#[derive(Default)]
struct Followed {
    version: PolicyVersion,
    agents: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    assigned: BTreeMap<String, Vec<String>>,
    rules: BTreeMap<String, String>,
    settings: String,
}

impl Followed {
    async fn catch_up(&mut self, store: &dyn Store) {
        let rows = store.load_policy().await.unwrap();
        match store.load_changes(self.version).await.unwrap() {
            Some(delta) => self.apply(delta),
            None => {
                *self = Self::default();
                self.apply(rows.clone().into());
            }
        }
        let mut expected = Self::default();
        expected.apply(rows.into());
        let shown = |one: &Self| {
            let assigned: Vec<_> =
                one.assigned.iter().filter(|(agent, _)| one.agents.contains_key(*agent)).collect();
            format!(
                "{:?} {:?} {:?} {assigned:?} {:?} {}",
                one.version, one.agents, one.secrets, one.rules, one.settings
            )
        };
        assert_eq!(shown(self), shown(&expected));
    }

    fn apply(&mut self, delta: PolicyDelta) {
        fn put<R: std::fmt::Debug>(map: &mut BTreeMap<String, String>, id: String, row: Option<R>) {
            match row {
                Some(row) => map.insert(id, format!("{row:?}")),
                None => map.remove(&id),
            };
        }
        self.version = delta.version;
        delta.agents.into_iter().for_each(|(id, row)| {
            let row = row.map(|mut row| {
                row.agent.last_seen_at = None;
                (row.agent, row.token_hash.0, row.sealed_token.as_bytes().to_vec())
            });
            put(&mut self.agents, id.to_string(), row);
        });
        delta.secrets.into_iter().for_each(|(id, row)| {
            let row = row.map(|mut row| {
                row.secret.last_used_at = None;
                row
            });
            put(&mut self.secrets, id.to_string(), row);
        });
        delta.rules.into_iter().for_each(|(id, rule)| put(&mut self.rules, id.to_string(), rule));
        for (agent, secrets) in delta.assigned {
            let mut secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
            secrets.sort();
            match secrets.is_empty() {
                true => self.assigned.remove(&agent.to_string()),
                false => self.assigned.insert(agent.to_string(), secrets),
            };
        }
        if let Some(settings) = delta.settings {
            self.settings = format!("{settings:?}");
        }
    }
}
