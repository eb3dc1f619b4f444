//! The conformance suite on both kinds of database, and what concerns files alone.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;
use crate::{
    model::{Action, PathPattern, Rule, RuleId},
    store::{KeyStore, PolicyStore, PolicyVersion, RuleStore, StoreError},
};

mod in_memory {
    use super::*;

    async fn open() -> (SqliteStore, ()) {
        (SqliteStore::in_memory().await.unwrap(), ())
    }

    crate::store_conformance!(open());
}

mod in_a_file {
    use super::*;

    async fn open() -> (SqliteStore, TempDir) {
        let place = tempfile::tempdir().unwrap();
        (SqliteStore::open(&place.path().join("onecli.db")).await.unwrap(), place)
    }

    crate::store_conformance!(open());
}

fn rule() -> Rule {
    Rule {
        id: RuleId::generate(),
        name: "no deletion".to_owned(),
        host_pattern: "api.example.com".parse().unwrap(),
        path_pattern: PathPattern::any(),
        methods: vec!["DELETE".to_owned()],
        conditions: Vec::new(),
        action: Action::Block,
        enabled: true,
        agent_id: None,
        created_at: crate::clock::now(),
        updated_at: crate::clock::now(),
    }
}

/// Changes a database behind the store's back.
fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("onecli.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let rule = rule();
    let version = store.create_rule(&rule).await.unwrap();
    store.put_blob_once("ca", b"sealed").await.unwrap();
    drop(store);

    let store = SqliteStore::open(&path).await.unwrap();
    let policy = store.load_policy().await.unwrap();
    assert_eq!(format!("{:?}", policy.rules), format!("{:?}", [rule]));
    assert_eq!(policy.version, version);
    assert_eq!(*store.changes().borrow(), version);
    assert_eq!(store.get_blob("ca").await.unwrap().unwrap(), b"sealed");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("onecli.db");
    drop(SqliteStore::open(&path).await.unwrap());
    // A journal mode other than ours would show in the header.
    tamper(
        &path,
        "PRAGMA journal_mode = DELETE;
         INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         VALUES (4000, 'later', '2030-01-01T00:00:00Z', '1');",
    );
    let files = || fs::read_dir(place.path()).unwrap().count();
    let (before, files_before) = (fs::read(&path).unwrap(), files());
    match SqliteStore::open(&path).await {
        Err(StoreError::SchemaTooNew { found: 4000, known }) => assert!(known < 4000),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(files(), files_before);
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("onecli.db");
    // As a copy from elsewhere may be.
    fs::write(&path, b"").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    for path in [path, place.path().join("new.db")] {
        let store = SqliteStore::open(&path).await.unwrap();
        store.create_rule(&rule()).await.unwrap();
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{}{suffix}", path.display());
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        }
    }
}

#[tokio::test]
async fn several_may_open_a_new_database_at_once() {
    for _ in 0..10 {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("onecli.db");
        let (one, two, three) =
            tokio::join!(SqliteStore::open(&path), SqliteStore::open(&path), SqliteStore::open(&path));
        for store in [one, two, three] {
            store.unwrap().create_rule(&rule()).await.unwrap();
        }
        assert_eq!(SqliteStore::open(&path).await.unwrap().list_rules().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn connections_are_set_up_for_durability() {
    let place = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&place.path().join("onecli.db")).await.unwrap();
    let pragmas = |transaction: &rusqlite::Transaction<'_>| {
        let read =
            |name: &str| transaction.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        Ok([read("synchronous")?, read("foreign_keys")?, read("secure_delete")?])
    };
    // 2 is FULL.
    assert_eq!(store.connections.write(pragmas).await.unwrap(), [2, 1, 1]);
    let mode = |transaction: &rusqlite::Transaction<'_>| {
        Ok(transaction.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?)
    };
    assert_eq!(store.connections.read(mode).await.unwrap(), "wal");
}

/// A rule that were skipped would let pass what it blocks.
#[tokio::test]
async fn a_row_that_is_not_understood_is_an_error() {
    for (change, column) in [
        ("action = 'quarantine'", "action"),
        ("host_pattern = 'https://a.test/'", "host_pattern"),
        ("path_pattern = 'no slash'", "path_pattern"),
        ("methods = 'GET'", "methods"),
        ("id = 'not an id'", "id"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("onecli.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let rule = rule();
        store.create_rule(&rule).await.unwrap();
        tamper(&path, &format!("UPDATE rules SET {change}"));
        let listed = store.list_rules().await.map(drop);
        for result in [listed, store.load_policy().await.map(drop)] {
            match result {
                Err(StoreError::Corrupt { what: "rule", detail }) => {
                    assert!(detail.contains(column), "{detail}");
                    assert!(column == "id" || detail.contains(&rule.id.to_string()), "{detail}");
                }
                other => panic!("{change}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn work_that_panics_leaves_the_store_usable() {
    let store = SqliteStore::in_memory().await.unwrap();
    let panicked = store
        .change(|transaction| {
            transaction.execute("INSERT INTO blobs (name, value) VALUES ('half', x'00')", [])?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
    assert_eq!(store.get_blob("half").await.unwrap(), None);
    assert!(store.create_rule(&rule()).await.unwrap() > PolicyVersion(1));
}

#[tokio::test]
async fn what_is_no_database_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("onecli.db");
    let content = b"these are somebody's notes, and not a database at all, whatever the name says".repeat(20);
    fs::write(&path, &content).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::Unavailable(_))));
    assert_eq!(fs::read(&path).unwrap(), content);
    let nowhere = place.path().join("missing").join("onecli.db");
    assert!(matches!(SqliteStore::open(&nowhere).await, Err(StoreError::Unavailable(_))));
}
