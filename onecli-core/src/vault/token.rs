//! Tokens of agents and API keys: random, looked up by a keyed hash.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Plaintext, VaultError, random::random_bytes};
use crate::{model::Sealed, store::TokenHash};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An agent's access token: `aoc_…`.
    Agent,
    /// An API key: `oc_…`.
    ApiKey,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "aoc_",
            Self::ApiKey => "oc_",
        }
    }
}

/// A token in clear: 256 random bits behind a prefix. Printed as `***`, wiped when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate(kind: TokenKind) -> Result<Self, VaultError> {
        let random = random_bytes::<32>()?;
        let mut text = Zeroizing::new(String::with_capacity(48));
        text.push_str(kind.prefix());
        text.push_str(&Zeroizing::new(BASE64URL_NOPAD.encode(random.as_slice())));
        Ok(Self(text))
    }

    pub(super) fn from_text(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The token itself, to hand it out.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn to_plaintext(&self) -> Plaintext {
        Plaintext::from(self.0.as_bytes().to_vec())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// A token that was just made, and what to keep of it.
#[derive(Debug)]
pub struct IssuedToken {
    /// To hand out, once.
    pub token: Token,
    /// To keep, for look-up.
    pub hash: TokenHash,
    /// To keep, for the agent's container-config.
    pub sealed: Sealed,
}

pub(super) struct TokenKey<'a>(pub(super) &'a [u8]);

/// HMAC-SHA-256 (RFC 2104) under a key of its own.
pub(super) struct TokenHasher(Hmac<Sha256>);

impl TokenHasher {
    pub(super) fn new(key: &Plaintext) -> Result<Self, VaultError> {
        Hmac::new_from_slice(key.as_token_key().0).map(Self).map_err(|_| VaultError::DoesNotOpen)
    }

    pub(super) fn hash(&self, token: &str) -> TokenHash {
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        TokenHash(mac.finalize().into_bytes().into())
    }
}
