//! Certificates and keys in files.

use std::path::PathBuf;

use onecli_core::gateway::GatewayTls;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::Source;

/// The certificate of the gateway's port, and where it was read from.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// What the port speaks TLS with.
    pub tls: GatewayTls,
    /// The file of the certificate and of those that it is signed by.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

const CERTIFICATE: &str = "ONECLI_GATEWAY_TLS_CERT";
const KEY: &str = "ONECLI_GATEWAY_TLS_KEY";

impl TlsFiles {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        let (certificate, key) = match (source.text(CERTIFICATE), source.text(KEY)) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return None,
            (Some(_), None) => {
                source.fault(format!("{CERTIFICATE} is set, but {KEY} is not; the port needs both"));
                return None;
            }
            (None, Some(_)) => {
                source.fault(format!("{KEY} is set, but {CERTIFICATE} is not; the port needs both"));
                return None;
            }
        };
        let chain = source.parsed(CERTIFICATE, "/etc/onecli/gateway.pem", certificates);
        let private = source.parsed(KEY, "/etc/onecli/gateway.key", private_key);
        let made = GatewayTls::new(chain?, private?);
        let made =
            made.map_err(|error| source.fault(format!("{CERTIFICATE} and {KEY} can't be used: {error}")));
        Some(Self { tls: made.ok()?, certificate: certificate.into(), key: key.into() })
    }
}

/// The certificates of a file, at least one.
pub(crate) fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| format!("`{path}` can't be read ({error})"))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("`{path}` holds no certificate in PEM")),
        Err(error) => Err(format!("`{path}` is not valid PEM ({error:?})")),
    }
}

/// The private key of a file.
pub(crate) fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, String> {
    let pem = std::fs::read(path).map(zeroize::Zeroizing::new);
    let pem = pem.map_err(|error| format!("`{path}` can't be read ({error})"))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| format!("`{path}` holds no private key in PEM"))
}
