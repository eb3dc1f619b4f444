//! TLS on the gateway's own port.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The certificate with which the gateway's own port speaks TLS. It can be renewed while the gateway runs.
#[derive(Clone)]
pub struct GatewayTls {
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl GatewayTls {
    /// Serves with a certificate, the ones that it is signed by, and its key.
    ///
    /// # Errors
    /// If they can't be read or don't belong together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current =
            Arc::new(Current(ArcSwap::from_pointee(CertifiedKey::from_der(chain, key, &provider)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { current, config: Arc::new(config) })
    }

    /// Serves new connections with another certificate.
    ///
    /// # Errors
    /// If it can't be read or does not belong to the key; then the one before stays.
    pub fn renew(
        &self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>,
    ) -> Result<(), rustls::Error> {
        let next = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        self.current.0.store(Arc::new(next));
        Ok(())
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

impl std::fmt::Debug for GatewayTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayTls").finish_non_exhaustive()
    }
}
