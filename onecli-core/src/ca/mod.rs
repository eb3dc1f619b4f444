//! The certificate authority: a root that agents trust, and a leaf for each host that is intercepted.

mod leaf;
mod root;

use std::sync::Arc;

use rustls::{ServerConfig, pki_types::CertificateDer};

use crate::{
    model::Host,
    store::{KeyStore, StoreError},
    vault::{Vault, VaultError},
};

/// Makes the certificates by which the gateway speaks for the hosts that it intercepts.
pub struct CertificateAuthority {
    root: Arc<root::Root>,
    leaves: leaf::LeafCache,
}

/// What can go wrong with the certificate authority.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CaError {
    #[error(
        "the root certificate's key does not open: it or the certificate was edited, or the master key is another"
    )]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a certificate can't be made: {0}")]
    Certificate(String),
}

impl CertificateAuthority {
    /// The authority of a store; made on first use, and the same for every gateway of that store.
    ///
    /// # Errors
    /// If the stored one does not open.
    pub async fn load_or_create(store: &(impl KeyStore + ?Sized), vault: &Vault) -> Result<Self, CaError> {
        let root = root::Root::load_or_create(store, vault).await?;
        Ok(Self { root: Arc::new(root), leaves: leaf::LeafCache::new() })
    }

    /// The root certificate as PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        self.root.pem()
    }

    /// The root certificate as DER.
    #[must_use]
    pub fn root_der(&self) -> &CertificateDer<'static> {
        self.root.der()
    }

    /// What a server needs to speak for `host`: a certificate of its own, HTTP/2 and HTTP/1.1. Made on first use; one
    /// for a burst.
    ///
    /// # Errors
    /// If the certificate can't be made.
    pub async fn server_config(&self, host: &Host) -> Result<Arc<ServerConfig>, CaError> {
        self.leaves.get(host, &self.root).await
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
