//! Secrets.

use super::rows::{at, secret};
use crate::{
    model::{Injection, PathPattern, Sealed, SecretType},
    store::{SecretRow, Store, StoreError},
};

fn assert_same(found: &SecretRow, expected: &SecretRow) {
    assert_eq!(format!("{:?}", found.secret), format!("{:?}", expected.secret));
    assert_eq!(found.sealed_value, expected.sealed_value);
}

/// Every part other than in [`secret`].
fn different(name: &str) -> SecretRow {
    let mut row = secret(name);
    row.secret.kind = SecretType::Anthropic;
    row.secret.host_pattern = "[2001:db8::1]:8443".parse().unwrap();
    row.secret.path_pattern = PathPattern::any();
    row.secret.injection = Injection::basic("x-access-token").unwrap();
    row.secret.allow_plain_http = false;
    row.secret.preview = None;
    row.secret.created_at = at(5);
    row.secret.updated_at = at(6);
    row.secret.last_used_at = Some(at(7));
    row.secret.expires_at = None;
    row.sealed_value = Sealed::from_bytes(vec![8; 20_000]);
    row
}

pub async fn are_kept_as_given(store: &dyn Store) {
    let rows = [secret("github"), different("Ünïcode 'quoted'")];
    // Listed by age, whatever came first.
    store.create_secret(&rows[1]).await.unwrap();
    store.create_secret(&rows[0]).await.unwrap();
    let found = store.list_secrets().await.unwrap();
    assert_eq!(found.len(), 2);
    assert_same(&found[0], &rows[0]);
    assert_same(&found[1], &rows[1]);
}

pub async fn names_are_unique(store: &dyn Store) {
    let other = secret("gitlab");
    store.create_secret(&secret("github")).await.unwrap();
    store.create_secret(&other).await.unwrap();
    let mut renamed = other.clone();
    renamed.secret.name = "github".to_owned();
    for result in [store.create_secret(&secret("github")).await, store.update_secret(&renamed).await] {
        match result {
            Err(StoreError::Conflict { what: "the secret name", value }) => assert_eq!(value, "github"),
            other => panic!("{other:?}"),
        }
    }
    let found = store.list_secrets().await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|row| row.secret.name == "gitlab"));
}

pub async fn unknown_ones_are_not_found(store: &dyn Store) {
    let row = secret("ghost");
    assert!(matches!(store.update_secret(&row).await, Err(StoreError::NotFound("secret"))));
    assert!(matches!(store.delete_secret(row.secret.id).await, Err(StoreError::NotFound("secret"))));
}

pub async fn updates_replace(store: &dyn Store) {
    let row = secret("before");
    store.create_secret(&row).await.unwrap();
    let mut update = different("after");
    update.secret.id = row.secret.id;
    store.update_secret(&update).await.unwrap();
    assert_same(&store.list_secrets().await.unwrap()[0], &update);
}

pub async fn updates_keep_the_time_of_use(store: &dyn Store) {
    let row = secret("used");
    store.create_secret(&row).await.unwrap();
    let last_used = async || store.list_secrets().await.unwrap()[0].secret.last_used_at;
    store.update_secret(&row).await.unwrap();
    assert_eq!(last_used().await, None);
    // Used between the reading of a row and its update.
    store.touch(&[], &[(row.secret.id, at(50))]).await.unwrap();
    store.update_secret(&row).await.unwrap();
    assert_eq!(last_used().await, Some(at(50)));
}

pub async fn deletion_removes(store: &dyn Store) {
    let (kept, gone) = (secret("kept"), secret("gone"));
    store.create_secret(&kept).await.unwrap();
    store.create_secret(&gone).await.unwrap();
    store.delete_secret(gone.secret.id).await.unwrap();
    let found = store.list_secrets().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_same(&found[0], &kept);
    store.create_secret(&secret("gone")).await.unwrap();
}
