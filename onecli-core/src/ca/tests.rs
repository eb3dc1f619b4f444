use std::sync::Arc;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{CertificateAuthority, leaf};
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

#[tokio::test]
async fn ten_thousand_hosts_fill_no_memory() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = vault(&store, &"11".repeat(32)).await;
    let authority = CertificateAuthority::load_or_create(&store, &vault).await.unwrap();
    for number in 0..10_000 {
        let host = Host::parse(&format!("h{number}.test")).unwrap();
        authority.server_config(&host).await.unwrap();
    }
    assert_eq!(authority.leaves.count().await, 2_000);
}

#[tokio::test]
async fn certificates_are_what_clients_ask_for() {
    let store = SqliteStore::in_memory().await.unwrap();
    let vault = vault(&store, &"11".repeat(32)).await;
    let authority = CertificateAuthority::load_or_create(&store, &vault).await.unwrap();
    let (_, root) = X509Certificate::from_der(authority.root_der()).unwrap();
    let constraints = root.basic_constraints().unwrap().unwrap().value;
    assert!(constraints.ca && constraints.path_len_constraint == Some(0));
    assert!(root.key_usage().unwrap().unwrap().value.key_cert_sign());
    for (name, ip) in [
        ("api.test", None),
        ("10.0.0.1", Some(vec![10, 0, 0, 1])),
        ("[::1]", Some([[0; 15].as_slice(), &[1]].concat())),
    ] {
        let (chain, _) = leaf::leaf(&Host::parse(name).unwrap(), &authority.root).unwrap();
        let (_, leaf) = X509Certificate::from_der(&chain[0]).unwrap();
        assert_eq!(chain[1], *authority.root_der());
        leaf.verify_signature(Some(root.public_key())).unwrap();
        let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
        match (names.as_slice(), &ip) {
            ([GeneralName::DNSName(named)], None) => assert_eq!(*named, name),
            ([GeneralName::IPAddress(named)], Some(ip)) => assert_eq!(named, ip),
            other => panic!("{other:?}"),
        }
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !leaf.is_ca());
        // RFC 5280 4.2.1.1: by its authority's key a chain is found where two roots have one name.
        let authority_key = |certificate: &X509Certificate<'_>| {
            certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(id) => {
                    Some(id.key_identifier.as_ref()?.0.to_vec())
                }
                _ => None,
            })
        };
        let root_key = root.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        assert!(root_key.is_some() && authority_key(&leaf) == root_key);
        let (now, valid) = (crate::clock::now().unix_timestamp(), leaf.validity());
        let (from, to) = (valid.not_before.timestamp(), valid.not_after.timestamp());
        assert!(now - from >= 23 * 3600, "clocks of clients may be behind");
        assert!(to - now >= 24 * 3600 && to - from <= 397 * 24 * 3600);
        assert_ne!(leaf.public_key(), root.public_key(), "a key of its own");
        assert_ne!(leaf.serial, root.serial);
    }
}
