use std::{fs, path::Path};

use proptest::prelude::*;
use time::OffsetDateTime;

use super::{MasterKeys, Plaintext, Vault, VaultError, place::Place, sealer::Sealer};
use crate::{
    model::{Injection, PathPattern, Sealed, Secret, SecretId, SecretType},
    store::{KeyStore, SqliteStore},
};

fn keys(byte: &str) -> MasterKeys {
    MasterKeys::parse(&byte.repeat(32)).unwrap()
}

fn secret() -> Secret {
    let now = OffsetDateTime::UNIX_EPOCH;
    Secret {
        id: SecretId::generate(),
        name: "github".into(),
        kind: SecretType::Generic,
        host_pattern: "api.github.com".parse().unwrap(),
        path_pattern: PathPattern::any(),
        injection: Injection::header("authorization", "Bearer {value}").unwrap(),
        allow_plain_http: false,
        preview: None,
        created_at: now,
        updated_at: now,
        last_used_at: None,
        expires_at: None,
    }
}

fn opens(sealer: &Sealer, secret: &Secret, sealed: &Sealed) -> bool {
    sealer.open(&Place::of_secret(secret), sealed).is_ok()
}

/// Sealing twice with one key and nonce would give the key of the authentication away (NIST SP 800-38D 8).
#[test]
fn no_nonce_comes_twice() {
    let sealer = Sealer::new(&keys("11"));
    let place = Place::Blob { name: "test" };
    let seals = if std::env::var_os("ONECLI_TEST_LONG").is_some() { 1_000_000 } else { 50_000 };
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..seals {
        let sealed = sealer.seal(&place, &Plaintext::from(b"x".to_vec())).unwrap();
        let nonce: [u8; 12] = sealed.as_bytes()[9..21].try_into().unwrap();
        assert!(nonces.insert(nonce));
    }
}

#[test]
fn a_value_opens_only_for_the_secret_that_it_was_sealed_for() {
    let sealer = Sealer::new(&keys("11"));
    let original = secret();
    let sealed = sealer.seal(&Place::of_secret(&original), &Plaintext::from("hunter2".to_owned())).unwrap();
    assert!(opens(&sealer, &original, &sealed));
    type Edit = (&'static str, fn(&mut Secret));
    let edits: [Edit; 6] = [
        ("id", |secret| secret.id = SecretId::generate()),
        ("type", |secret| secret.kind = SecretType::Openai),
        ("host", |secret| secret.host_pattern = "evil.example".parse().unwrap()),
        ("path", |secret| secret.path_pattern = "/v1/*".parse().unwrap()),
        ("injection", |secret| secret.injection = Injection::header("x-leak", "{value}").unwrap()),
        ("plain HTTP", |secret| secret.allow_plain_http = true),
    ];
    for (what, edit) in edits {
        let mut edited = original.clone();
        edit(&mut edited);
        assert!(!opens(&sealer, &edited, &sealed), "opened although the {what} was edited");
    }
    let mut renamed = original;
    renamed.name = "renamed".into();
    assert!(opens(&sealer, &renamed, &sealed), "a name is free to change");
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let sealer = Sealer::new(&keys("11"));
    let secret = secret();
    let sealed = sealer.seal(&Place::of_secret(&secret), &Plaintext::from("hunter2".to_owned())).unwrap();
    for at in 0..sealed.as_bytes().len() {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] ^= 1;
        assert!(!opens(&sealer, &secret, &Sealed::from_bytes(bytes.clone())), "byte {at}");
        bytes.truncate(at);
        assert!(!opens(&sealer, &secret, &Sealed::from_bytes(bytes)), "cut at {at}");
    }
}

#[test]
fn the_first_key_seals_and_all_open() {
    let secret = secret();
    let old = Sealer::new(&keys("11"));
    let sealed = old.seal(&Place::of_secret(&secret), &Plaintext::from("hunter2".to_owned())).unwrap();
    let both = MasterKeys::parse(&format!("{},{}", "22".repeat(32), "11".repeat(32))).unwrap();
    let both = Sealer::new(&both);
    assert!(opens(&both, &secret, &sealed));
    let resealed = both.seal(&Place::of_secret(&secret), &Plaintext::from("hunter2".to_owned())).unwrap();
    assert!(!opens(&old, &secret, &resealed));
}

#[tokio::test]
async fn a_wrong_master_key_is_told_and_writes_nothing() {
    let store = SqliteStore::in_memory().await.unwrap();
    Vault::open(keys("11"), &store).await.unwrap();
    let before = store.get_blob("token-hash-key").await.unwrap();
    assert!(matches!(Vault::open(keys("22"), &store).await, Err(VaultError::WrongKey)));
    assert_eq!(store.get_blob("token-hash-key").await.unwrap(), before);
    assert!(Vault::open(keys("11"), &store).await.is_ok());
}

#[tokio::test]
async fn tokens_are_random_and_found_by_their_hash() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = Vault::open(keys("11"), &store).await.unwrap();
    let agent = crate::model::AgentId::generate();
    let (one, two) = (vault.issue_agent_token(agent).unwrap(), vault.issue_agent_token(agent).unwrap());
    assert!(one.token.reveal().starts_with("aoc_") && one.token.reveal().len() == 47);
    assert_ne!(one.token.reveal(), two.token.reveal());
    assert!(one.hash == vault.hash_token(one.token.reveal()) && one.hash != two.hash);
    assert_eq!(vault.open_agent_token(agent, &one.sealed).unwrap().reveal(), one.token.reveal());
    assert!(vault.open_agent_token(crate::model::AgentId::generate(), &one.sealed).is_err());
    assert_eq!(format!("{one:?}").matches("aoc_").count(), 0);
    assert_eq!(vault.secret_opens(), 0, "tokens are not counted as secrets");
}

/// The doors out of a plaintext, and the one file that each is for.
#[test]
fn plaintext_is_read_only_where_it_must_be() {
    const DOORS: [(&str, &str); 6] = [
        (".append_to(", "vault/sealer.rs"),
        (".as_token_key(", "vault/token.rs"),
        (".into_token(", "vault/mod.rs"),
        (".into_header(", "vault/inject.rs"),
        (".into_basic(", "vault/inject.rs"),
        (".as_private_key(", "ca/root.rs"),
    ];
    fn visit(directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for (door, user) in DOORS {
        let users: Vec<&str> = files
            .iter()
            .filter(|(path, text)| !path.ends_with("vault/tests.rs") && text.contains(door))
            .map(|(path, _)| path.as_str())
            .collect();
        assert!(users.len() == 1 && users[0].ends_with(user), "{door} is used in {users:?}");
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens_the_same(value in prop::collection::vec(any::<u8>(), 0..300)) {
        let sealer = Sealer::new(&keys("11"));
        let place = Place::Blob { name: "test" };
        let sealed = sealer.seal(&place, &Plaintext::from(value.clone())).unwrap();
        prop_assert!(!sealed.as_bytes().windows(8).any(|window| value.len() >= 8 && window == &value[..8]));
        let mut opened = Vec::new();
        sealer.open(&place, &sealed).unwrap().append_to(&mut opened);
        prop_assert_eq!(opened, value);
    }

    #[test]
    fn opening_rubbish_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let sealer = Sealer::new(&keys("11"));
        let opened = sealer.open(&Place::Blob { name: "test" }, &Sealed::from_bytes(bytes));
        prop_assert!(opened.is_err());
    }
}
