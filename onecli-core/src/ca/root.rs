//! The root certificate and its key.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::Duration;

use super::CaError;
use crate::{
    clock,
    model::Sealed,
    store::KeyStore,
    vault::{Plaintext, Vault, VaultError},
};

/// The root, ready to sign.
pub(super) struct Root {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// The name under which a store keeps certificate and sealed key, together, so that both are of one making.
const BLOB: &str = "ca-root";
const VALID: Duration = Duration::days(3650);
/// Clocks of agents may be behind.
const BACKDATE: Duration = Duration::hours(24);

impl Root {
    pub(super) async fn load_or_create(
        store: &(impl KeyStore + ?Sized), vault: &Vault,
    ) -> Result<Self, CaError> {
        let stored = match store.get_blob(BLOB).await? {
            Some(stored) => stored,
            None => store.put_blob_once(BLOB, &create(vault)?).await?,
        };
        let (certificate, sealed) = decode(&stored).ok_or(VaultError::DoesNotOpen)?;
        // The key opens only beside the certificate that it was sealed with.
        let key = vault.open_ca_key(certificate, &Sealed::from_bytes(sealed.to_vec()))?;
        let key = PrivatePkcs8KeyDer::from(key.as_private_key());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let der = CertificateDer::from(certificate.to_vec());
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(failed)?;
        Ok(Self { pem: pem(certificate), der, issuer })
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

fn create(vault: &Vault) -> Result<Vec<u8>, CaError> {
    let now = clock::now();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::default();
    // The date tells roots of several installations apart in a trust store.
    params.distinguished_name.push(DnType::CommonName, format!("OneCLI Gateway CA {}", now.date()));
    params.distinguished_name.push(DnType::OrganizationName, "OneCLI");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - BACKDATE;
    params.not_after = now + VALID;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let sealed = vault.seal_ca_key(certificate.der(), &Plaintext::from(key.serialize_der()))?;
    Ok(encode(certificate.der(), sealed.as_bytes()))
}

/// The certificate behind its length, then the sealed key.
fn encode(certificate: &[u8], sealed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(certificate.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), certificate, sealed].concat()
}

fn decode(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = stored.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

pub(super) fn failed(error: rcgen::Error) -> CaError {
    CaError::Certificate(error.to_string())
}
