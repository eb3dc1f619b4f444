//! Secrets at rest and on their way into a request.
//!
//! A secret's plaintext exists only inside [`Plaintext`], and only `plaintext.rs` reads it.

mod echo;
#[cfg(fuzzing)]
pub mod fuzzing;
mod inject;
mod master_key;
mod place;
mod plaintext;
mod query;
mod random;
mod sealer;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use echo::Echo;
pub use inject::Injected;
pub use master_key::{InvalidMasterKey, MasterKeys};
pub use plaintext::{InvalidValue, Plaintext};
pub use token::{IssuedToken, Token, TokenKind};

pub use crate::model::Sealed;
use crate::{
    model::{AgentId, Injection, Secret},
    store::{KeyStore, StoreError, TokenHash},
};
use place::Place;
use sealer::Sealer;
use token::TokenHasher;

/// Seals values, and opens them at a few doors: a permitted exchange ([`Vault::inject`]), an agent's own token, and what
/// the gateway needs at start.
pub struct Vault {
    sealer: Sealer,
    hasher: TokenHasher,
    secret_opens: AtomicU64,
}

/// What can go wrong with a vault.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum VaultError {
    #[error(
        "the master key is not the one that this store was sealed with; \
         start with the key from its first start (SECRET_ENCRYPTION_KEY or the key file)"
    )]
    WrongKey,
    #[error("the store holds sealed data but not the keyring that belongs to it; restore it from a backup")]
    KeyringMissing,
    #[error("a sealed value does not open: it was damaged, moved or edited")]
    DoesNotOpen,
    #[error("the system gives no random numbers")]
    NoRandomness,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The name under which the store keeps the sealed key of token hashes. It is also what tells a wrong master key.
const TOKEN_KEY: &str = "token-hash-key";

impl Vault {
    /// Opens the vault of a store, or makes it on first use.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] if the store was sealed with another key; nothing is written then.
    pub async fn open(keys: MasterKeys, store: &(impl KeyStore + ?Sized)) -> Result<Self, VaultError> {
        let sealer = Sealer::new(&keys);
        // In this order: another gateway may be making it at this moment, and seals nothing before it has.
        let holds_sealed = store.has_sealed_data().await?;
        let sealed = match store.get_blob(TOKEN_KEY).await? {
            Some(sealed) => sealed,
            None if holds_sealed => return Err(VaultError::KeyringMissing),
            None => {
                let fresh = sealer.seal(&Place::Blob { name: TOKEN_KEY }, &Plaintext::random::<32>()?)?;
                store.put_blob_once(TOKEN_KEY, fresh.as_bytes()).await?
            }
        };
        let hash_key = sealer
            .open(&Place::Blob { name: TOKEN_KEY }, &Sealed::from_bytes(sealed))
            .map_err(|_| VaultError::WrongKey)?;
        Ok(Self { sealer, hasher: TokenHasher::new(&hash_key)?, secret_opens: AtomicU64::new(0) })
    }

    /// Seals a secret's value for that secret as it stands: its id, type, patterns, injection and plain-HTTP flag.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal_secret(&self, secret: &Secret, value: &Plaintext) -> Result<Sealed, VaultError> {
        self.sealer.seal(&Place::of_secret(secret), value)
    }

    /// Makes a new token for an agent.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn issue_agent_token(&self, agent: AgentId) -> Result<IssuedToken, VaultError> {
        let token = Token::generate(TokenKind::Agent)?;
        let sealed = self.sealer.seal(&Place::AgentToken { agent }, &token.to_plaintext())?;
        Ok(IssuedToken { hash: self.hash_token(token.reveal()), sealed, token })
    }

    /// Opens an agent's own token, for its container-config.
    ///
    /// # Errors
    /// If the sealed value is not this agent's.
    pub fn open_agent_token(&self, agent: AgentId, sealed: &Sealed) -> Result<Token, VaultError> {
        self.sealer.open(&Place::AgentToken { agent }, sealed)?.into_token()
    }

    /// The form in which tokens and keys are looked up.
    #[must_use]
    pub fn hash_token(&self, token: &str) -> TokenHash {
        self.hasher.hash(token)
    }

    /// How many secrets were opened for requests since start.
    #[must_use]
    pub fn secret_opens(&self) -> u64 {
        self.secret_opens.load(Ordering::Relaxed)
    }

    /// Seals a private key so that it opens only beside its certificate.
    pub(crate) fn seal_ca_key(&self, certificate: &[u8], key: &Plaintext) -> Result<Sealed, VaultError> {
        self.sealer.seal(&Place::CaKey { certificate }, key)
    }

    /// Opens the key that was sealed beside `certificate`.
    pub(crate) fn open_ca_key(&self, certificate: &[u8], sealed: &Sealed) -> Result<Plaintext, VaultError> {
        self.sealer.open(&Place::CaKey { certificate }, sealed)
    }

    fn open_secret(&self, secret: &Secret, sealed: &Sealed) -> Result<Plaintext, VaultError> {
        self.secret_opens.fetch_add(1, Ordering::Relaxed);
        self.sealer.open(&Place::of_secret(secret), sealed)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

/// Checks that `value` can be put in as `injection` says.
///
/// # Errors
/// If it is empty, too long, or would break the header that it goes into. The error never holds the value.
pub fn check_value(value: &Plaintext, injection: &Injection) -> Result<(), InvalidValue> {
    value.check(injection)
}

#[cfg(test)]
mod tests;
