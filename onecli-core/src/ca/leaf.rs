//! Leaf certificates, one for each host.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    SanType,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::{
    CaError,
    root::{Root, failed},
};
use crate::{clock, model::Host};

/// A leaf is used for half of the time that it is valid.
const USED: Duration = Duration::from_secs(24 * 60 * 60);
const VALID: time::Duration = time::Duration::hours(48);
/// Clocks of agents may be behind.
const BACKDATE: time::Duration = time::Duration::hours(24);
/// Past this many the least recently used go: an agent that asks for ever new hosts fills no memory.
const KEPT: u64 = 2_000;

/// Leaf certificates by host, bounded; concurrent requests for a new one share its making.
pub(super) struct LeafCache(Cache<Host, Arc<ServerConfig>>);

impl LeafCache {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(KEPT).time_to_live(USED).build())
    }

    /// How many there are, once what has to go is gone.
    #[cfg(test)]
    pub(super) async fn count(&self) -> u64 {
        self.0.run_pending_tasks().await;
        self.0.entry_count()
    }

    pub(super) async fn get(&self, host: &Host, root: &Root) -> Result<Arc<ServerConfig>, CaError> {
        let made = self.0.try_get_with_by_ref(host, async { mint(host, root).map(Arc::new) });
        made.await.map_err(|error: Arc<CaError>| CaError::Certificate(error.to_string()))
    }
}

fn mint(host: &Host, root: &Root) -> Result<ServerConfig, CaError> {
    let (chain, key) = leaf(host, root)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| CaError::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A certificate for a host with the root behind it, and a key of its own.
pub(super) fn leaf(
    host: &Host, root: &Root,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CaError> {
    let now = clock::now();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "OneCLI Gateway");
    params.subject_alt_names = vec![match host.ip() {
        Some(ip) => SanType::IpAddress(ip),
        None => SanType::DnsName(host.as_str().try_into().map_err(failed)?),
    }];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - BACKDATE;
    params.not_after = now + VALID;
    let leaf = params.signed_by(&key, root.issuer()).map_err(failed)?;
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), root.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((chain, key))
}
