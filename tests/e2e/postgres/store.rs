//! The suite that every store must pass, on a real server; and what concerns PostgreSQL alone.

use onecli_core::store::{PolicyStore, PostgresStore, PostgresUrl, StoreError};
use onecli_tests::postgres::{PASSWORD, client, shared};

mod conforms {
    use super::*;

    async fn open() -> (PostgresStore, ()) {
        (open_new().await.0, ())
    }

    onecli_core::store_conformance!(open());
}

async fn open_new() -> (PostgresStore, String) {
    let url = shared().database().await;
    (open_at(&url).await.unwrap(), url)
}

async fn open_at(url: &str) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(&PostgresUrl::parse(url).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_database_at_once() {
    let url = shared().database().await;
    let opening = (0..8).map(|_| open_at(&url));
    for opened in futures_util::future::join_all(opening).await {
        assert_eq!(opened.unwrap().load_policy().await.unwrap().version.0, 1);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (store, url) = open_new().await;
    drop(store);
    let tampering = client(&url).await;
    let later = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (4000, 'later', '2030-01-01T00:00:00Z', '1')";
    tampering.batch_execute(later).await.unwrap();
    match open_at(&url).await {
        Err(StoreError::SchemaTooNew { found: 4000, known }) => assert!(known < 4000),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tls_is_checked_as_sslmode_says() {
    let server = shared();
    let database = server.database().await;
    let database = database.rsplit_once('/').unwrap().1;
    let root = server.root();
    let other = onecli_tests::generated::repository().join("tests/clients/requirements.txt");
    for (host, query, works) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), true),
        ("127.0.0.1", "sslmode=prefer".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={}", root.display()), true),
        ("127.0.0.1", "sslmode=verify-ca".to_owned(), false),
        // The certificate is for db.test.
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={}", root.display()), false),
        ("db.test", format!("sslmode=verify-full&sslrootcert={}&hostaddr=127.0.0.1", root.display()), true),
        ("db.test", format!("sslmode=verify-full&sslrootcert={}", other.display()), false),
    ] {
        let url = format!("postgres://onecli:{PASSWORD}@{host}:{}/{database}?{query}", server.port());
        let opened = open_at(&url).await;
        assert_eq!(opened.is_ok(), works, "{query}: {opened:?}");
        if let Ok(store) = opened {
            store.ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_row_that_is_not_understood_is_an_error() {
    use onecli_core::store::RuleStore;
    let (store, url) = open_new().await;
    let tampering = client(&url).await;
    let insert = "INSERT INTO rules VALUES ('01000000-0000-7000-8000-000000000001', 'x', 'a.test', '', '[]', '[]', 'quarantine', \
                  NULL, NULL, TRUE, NULL, now(), now())";
    tampering.batch_execute(insert).await.unwrap();
    match store.list_rules().await {
        Err(StoreError::Corrupt { what: "rule", detail }) => {
            assert!(detail.contains("quarantine"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
}
