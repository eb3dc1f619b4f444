//! The sealed form of a value.

use std::fmt;

/// An encrypted value (AES-256-GCM) with the id of its key: format version, key id, nonce, ciphertext, tag.
/// It opens only with its key and for the place that it was sealed for.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<[u8]>);

impl Sealed {
    /// Takes bytes that were sealed before, as a store gives them back. They are checked when they are opened.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
