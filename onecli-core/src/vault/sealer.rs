//! AES-256-GCM (NIST SP 800-38D) with a random nonce, bound to a place.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{MasterKeys, Plaintext, VaultError, place::Place, random::random_bytes};
use crate::model::Sealed;

/// The sealed format: version, key id, nonce, ciphertext, tag.
const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEAD: usize = 1 + KEY_ID + NONCE;

/// Seals with the first key, opens with any. Private to the vault.
pub(super) struct Sealer {
    sealing: SealingKey,
    others: Vec<SealingKey>,
}

struct SealingKey {
    id: [u8; KEY_ID],
    cipher: Aes256Gcm,
}

impl Sealer {
    pub(super) fn new(keys: &MasterKeys) -> Self {
        Self {
            sealing: SealingKey::derive(&keys.sealing),
            others: keys.others.iter().map(|key| SealingKey::derive(key)).collect(),
        }
    }

    pub(super) fn seal(&self, place: &Place<'_>, value: &Plaintext) -> Result<Sealed, VaultError> {
        let nonce = random_bytes::<NONCE>()?;
        let mut sealed = Vec::with_capacity(HEAD + value.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.sealing.id);
        sealed.extend_from_slice(nonce.as_slice());
        value.append_to(&mut sealed);
        let (head, body) = sealed.split_at_mut(HEAD);
        let associated = bind(head, place);
        let tag = self
            .sealing
            .cipher
            .encrypt_inout_detached(&Nonce::from(*nonce), &associated, body.into())
            .map_err(|_| VaultError::NoRandomness)?;
        sealed.extend_from_slice(&tag);
        Ok(Sealed::from_bytes(sealed))
    }

    pub(super) fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Plaintext, VaultError> {
        let (head, rest) = sealed.as_bytes().split_at_checked(HEAD).ok_or(VaultError::DoesNotOpen)?;
        let (ciphertext, tag) = rest
            .len()
            .checked_sub(TAG)
            .and_then(|length| rest.split_at_checked(length))
            .ok_or(VaultError::DoesNotOpen)?;
        let (version, id, nonce) = match head {
            [version, rest @ ..] => (*version, rest.get(..KEY_ID), rest.get(KEY_ID..)),
            [] => return Err(VaultError::DoesNotOpen),
        };
        let nonce: [u8; NONCE] =
            nonce.and_then(|nonce| nonce.try_into().ok()).ok_or(VaultError::DoesNotOpen)?;
        let tag: [u8; TAG] = tag.try_into().map_err(|_| VaultError::DoesNotOpen)?;
        let key =
            self.key(id.unwrap_or_default()).filter(|_| version == VERSION).ok_or(VaultError::DoesNotOpen)?;
        // The buffer has its final size from the start, so that no copy stays behind.
        let mut value = Zeroizing::new(ciphertext.to_vec());
        key.cipher
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                &bind(head, place),
                value.as_mut_slice().into(),
                &Tag::from(tag),
            )
            .map_err(|_| VaultError::DoesNotOpen)?;
        Ok(Plaintext::new(value))
    }

    fn key(&self, id: &[u8]) -> Option<&SealingKey> {
        std::iter::once(&self.sealing).chain(&self.others).find(|key| key.id == *id)
    }
}

impl SealingKey {
    /// Key and key id are derived apart (HKDF, RFC 5869), so that the id in the store says nothing of the key.
    fn derive(master: &[u8; 32]) -> Self {
        let derive = Hkdf::<Sha256>::new(Some(b"onecli/1"), master);
        let mut key = Zeroizing::new([0_u8; 32]);
        let mut id = [0_u8; KEY_ID];
        // HKDF-Expand fails only for outputs of more than 255 blocks.
        let _ = derive.expand(b"seal", key.as_mut_slice());
        let _ = derive.expand(b"key id", &mut id);
        Self { id, cipher: Aes256Gcm::new(&(*key).into()) }
    }
}

/// The associated data: the head of the sealed form and the place.
fn bind(head: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut data = head.to_vec();
    data.extend_from_slice(&place.associated_data());
    data
}
