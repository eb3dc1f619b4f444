//! What the vault and sign-in keep.

use super::rows::{agent, at, hash, secret};
use crate::{
    model::ApiKeyId,
    store::{ApiKeyRow, Role, Store, StoreError},
};

fn key(name: &str, role: Role) -> ApiKeyRow {
    ApiKeyRow {
        id: ApiKeyId::generate(),
        name: name.to_owned(),
        role,
        hash: hash(),
        prefix: "oc_abcd".to_owned(),
        created_at: at(0),
        expires_at: None,
    }
}

pub async fn blobs_are_put_once(store: &dyn Store) {
    assert_eq!(store.get_blob("keyring").await.unwrap(), None);
    assert_eq!(store.put_blob_once("keyring", &[0, 255]).await.unwrap(), [0, 255]);
    assert_eq!(store.put_blob_once("keyring", b"another").await.unwrap(), [0, 255]);
    assert_eq!(store.get_blob("keyring").await.unwrap().unwrap(), [0, 255]);
    assert_eq!(store.put_blob_once("ca", b"").await.unwrap(), b"");
    assert_eq!(store.get_blob("ca").await.unwrap().unwrap(), b"");
}

pub async fn racing_blobs_agree(store: &dyn Store) {
    for round in 0..10 {
        let name = format!("blob {round}");
        let (one, two, three) = tokio::join!(
            store.put_blob_once(&name, b"one"),
            store.put_blob_once(&name, b"two"),
            store.put_blob_once(&name, b"three"),
        );
        let kept = store.get_blob(&name).await.unwrap().unwrap();
        for answer in [one, two, three] {
            assert_eq!(answer.unwrap(), kept);
        }
    }
}

pub async fn sealed_data_is_noticed(store: &dyn Store) {
    assert!(!store.has_sealed_data().await.unwrap());
    store.create_api_key(&key("hashed, not sealed", Role::Owner)).await.unwrap();
    assert!(!store.has_sealed_data().await.unwrap());

    let row = agent("sealed-token");
    store.create_agent(&row).await.unwrap();
    assert!(store.has_sealed_data().await.unwrap());
    store.delete_agent(row.agent.id).await.unwrap();
    assert!(!store.has_sealed_data().await.unwrap());

    let row = secret("sealed");
    store.create_secret(&row).await.unwrap();
    assert!(store.has_sealed_data().await.unwrap());
    store.delete_secret(row.secret.id).await.unwrap();
    assert!(!store.has_sealed_data().await.unwrap());

    store.put_blob_once("keyring", b"sealed").await.unwrap();
    assert!(store.has_sealed_data().await.unwrap());
}

pub async fn api_keys_are_found_by_hash(store: &dyn Store) {
    let mut owner = key("owner", Role::Owner);
    owner.expires_at = Some(at(5));
    let viewer = key("viewer", Role::Viewer);
    store.create_api_key(&owner).await.unwrap();
    store.create_api_key(&viewer).await.unwrap();
    for row in [&owner, &viewer] {
        let found = store.find_api_key(&row.hash).await.unwrap().unwrap();
        assert_eq!(format!("{found:?}"), format!("{row:?}"));
        assert!(found.hash == row.hash);
    }
    assert!(store.find_api_key(&hash()).await.unwrap().is_none());

    store.delete_api_key(owner.id).await.unwrap();
    assert!(store.find_api_key(&owner.hash).await.unwrap().is_none());
    assert!(store.find_api_key(&viewer.hash).await.unwrap().is_some());
    assert!(matches!(store.delete_api_key(owner.id).await, Err(StoreError::NotFound(_))));
}

pub async fn api_keys_are_unique(store: &dyn Store) {
    let row = key("first", Role::Admin);
    store.create_api_key(&row).await.unwrap();
    store.create_api_key(&ApiKeyRow { hash: row.hash, ..key("second", Role::Owner) }).await.unwrap_err();
    assert_eq!(store.find_api_key(&row.hash).await.unwrap().unwrap().role, Role::Admin);
}
