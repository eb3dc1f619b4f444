use std::sync::Arc;

use super::CertificateAuthority;
use crate::{
    model::Host,
    store::{KeyStore, SqliteStore},
    vault::{MasterKeys, Vault},
};

async fn vault(store: &SqliteStore, key: &str) -> Vault {
    Vault::open(MasterKeys::parse(key).unwrap(), store).await.unwrap()
}

#[tokio::test]
async fn all_gateways_of_a_store_share_one_root() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = vault(&store, &"11".repeat(32)).await;
    let (one, two) = tokio::join!(
        CertificateAuthority::load_or_create(&store, &vault),
        CertificateAuthority::load_or_create(&store, &vault)
    );
    assert_eq!(one.unwrap().root_pem(), two.unwrap().root_pem());
}

#[tokio::test]
async fn an_edited_certificate_is_not_used() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = vault(&store, &"11".repeat(32)).await;
    CertificateAuthority::load_or_create(&store, &vault).await.unwrap();
    let mut stored = store.get_blob("ca-root").await.unwrap().unwrap();
    stored[100] ^= 1;
    let other = SqliteStore::in_memory().await.unwrap();
    other.put_blob_once("ca-root", &stored).await.unwrap();
    assert!(CertificateAuthority::load_or_create(&other, &vault).await.is_err());
}

#[tokio::test]
async fn a_burst_for_one_host_makes_one_leaf() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = vault(&store, &"11".repeat(32)).await;
    let authority = Arc::new(CertificateAuthority::load_or_create(&store, &vault).await.unwrap());
    let host = Host::parse("api.test").unwrap();
    let asks: Vec<_> = (0..50)
        .map(|_| {
            let (authority, host) = (Arc::clone(&authority), host.clone());
            tokio::spawn(async move { authority.server_config(&host).await.unwrap() })
        })
        .collect();
    let first = authority.server_config(&host).await.unwrap();
    for ask in asks {
        assert!(Arc::ptr_eq(&ask.await.unwrap(), &first));
    }
}
