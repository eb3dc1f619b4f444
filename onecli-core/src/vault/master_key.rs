//! The master key: from which every sealing key is derived.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::{VaultError, random::random_bytes};

const KEY_BYTES: usize = 32;

/// One or several master keys: the first seals, all open.
pub struct MasterKeys {
    pub(super) sealing: MasterKey,
    pub(super) others: Vec<MasterKey>,
}

pub(super) type MasterKey = Zeroizing<[u8; KEY_BYTES]>;

/// A text is no master key. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the master key is 32 bytes as base64 or hex (several: comma-separated); make one with `openssl rand -base64 32`"
)]
pub struct InvalidMasterKey;

impl MasterKeys {
    /// Reads keys of 32 bytes in base64 or hex, comma-separated.
    ///
    /// # Errors
    /// If any of them is not that.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let mut keys = text.split(',').map(|part| decode(part.trim()).ok_or(InvalidMasterKey));
        let sealing = keys.next().ok_or(InvalidMasterKey)??;
        Ok(Self { sealing, others: keys.collect::<Result<_, _>>()? })
    }

    /// A fresh key, with the text that [`Self::parse`] reads.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> Result<(Self, Zeroizing<String>), VaultError> {
        let key = random_bytes::<KEY_BYTES>()?;
        let text = Zeroizing::new(BASE64.encode(key.as_slice()));
        Ok((Self { sealing: key, others: Vec::new() }, text))
    }
}

fn decode(text: &str) -> Option<MasterKey> {
    let encodings = [&HEXLOWER_PERMISSIVE, &BASE64, &BASE64_NOPAD, &BASE64URL, &BASE64URL_NOPAD];
    let decoded =
        encodings.iter().filter_map(|encoding| encoding.decode(text.as_bytes()).ok().map(Zeroizing::new));
    decoded
        .filter(|bytes| bytes.len() == KEY_BYTES)
        .find_map(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new))
}

#[cfg(test)]
mod tests {
    use super::MasterKeys;

    #[test]
    fn reads_base64_and_hex_and_several() {
        let hex = "00".repeat(32);
        let base64 = format!("{}=", "A".repeat(43));
        for text in [hex.clone(), base64.clone(), format!("{hex}, {base64}"), "A".repeat(43)] {
            assert!(MasterKeys::parse(&text).is_ok(), "{text}");
        }
        for text in ["", "abc", &"0".repeat(63), &format!("{hex},"), &"z".repeat(64)] {
            assert!(MasterKeys::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn generated_key_reads_back() {
        let (keys, text) = MasterKeys::generate().unwrap();
        assert_eq!(keys.sealing, MasterKeys::parse(&text).unwrap().sealing);
    }
}
