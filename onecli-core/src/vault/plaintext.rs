//! The only file that reads the plaintext of a secret.

use data_encoding::BASE64;
use http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

use super::{Token, VaultError, random::random_bytes, token::TokenKey};
use crate::model::{Injection, ValueFormat};

/// A value that nobody may see: wiped when dropped; cannot be printed, serialised or cloned.
///
/// ```compile_fail,E0277
/// let value = onecli_core::vault::Plaintext::from(String::from("hunter2"));
/// println!("{value:?}");
/// ```
/// ```compile_fail,E0277
/// let value = onecli_core::vault::Plaintext::from(String::from("hunter2"));
/// println!("{value}");
/// ```
/// ```compile_fail,E0599
/// let value = onecli_core::vault::Plaintext::from(String::from("hunter2"));
/// let copy = value.clone();
/// ```
/// ```compile_fail,E0277
/// let value = onecli_core::vault::Plaintext::from(String::from("hunter2"));
/// serde_json::to_string(&value).unwrap();
/// ```
/// What can be done with one is to seal it:
/// ```
/// let value = onecli_core::vault::Plaintext::from(String::from("hunter2"));
/// # let _: usize = value.len();
/// ```
pub struct Plaintext(Zeroizing<Vec<u8>>);

/// Why a value can't be a secret's. Never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidValue {
    #[error("the value is empty; paste it again")]
    Empty,
    #[error("the value is longer than 16 KiB, more than services take in a header")]
    TooLong,
    #[error("the value holds a line break; paste it again without it")]
    LineBreak,
    #[error(
        "the value holds a character that would change the path; letters, digits and -._~:@!$&'()*+,= can stand in one"
    )]
    PathCharacter,
    #[error("the value begins or ends with a space; paste it again without it")]
    Space,
    #[error(
        "the value holds a character that a header can't carry; only visible ASCII and spaces can stand in one"
    )]
    Character,
}

const LONGEST: usize = 16 * 1024;

impl Plaintext {
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(super) fn random<const N: usize>() -> Result<Self, VaultError> {
        Ok(Self(Zeroizing::new(random_bytes::<N>()?.to_vec())))
    }

    /// The length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an empty value is refused where it comes in")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The last four characters of a value of twelve or more, for people to tell it from others.
    #[must_use]
    pub fn preview(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.0).ok().filter(|text| text.chars().count() >= 12)?;
        let start = text.char_indices().rev().nth(3).map(|(at, _)| at)?;
        text.get(start..).map(str::to_owned)
    }

    /// Whether the text begins with `prefix`: some services tell kinds of credentials apart by it.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix.as_bytes())
    }

    pub(super) fn check(&self, injection: &Injection) -> Result<(), InvalidValue> {
        let bytes = self.0.as_slice();
        match injection {
            _ if bytes.is_empty() => Err(InvalidValue::Empty),
            _ if bytes.len() > LONGEST => Err(InvalidValue::TooLong),
            _ if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n')) => Err(InvalidValue::LineBreak),
            _ if bytes.iter().any(u8::is_ascii_control) => Err(InvalidValue::Character),
            // Base64 carries what a header can't.
            Injection::Basic { .. } => Ok(()),
            Injection::Header { .. } if !bytes.is_ascii() => Err(InvalidValue::Character),
            Injection::Header { .. } if bytes.starts_with(b" ") || bytes.ends_with(b" ") => {
                Err(InvalidValue::Space)
            }
            Injection::Header { .. } | Injection::Query { .. } => Ok(()),
            // What could end a segment, or be read as another path, would reshape it.
            Injection::Path { .. } if !bytes.iter().all(|byte| is_path_text(*byte)) => {
                Err(InvalidValue::PathCharacter)
            }
            Injection::Path { .. } if bytes.iter().all(|byte| *byte == b'.') => {
                Err(InvalidValue::PathCharacter)
            }
            Injection::Path { .. } => Ok(()),
        }
    }

    /// The header value with this value at its place in `format`, marked as sensitive.
    pub(super) fn into_header(self, format: &ValueFormat) -> Result<HeaderValue, VaultError> {
        let length = format.before().len() + self.0.len() + format.after().len();
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        text.extend_from_slice(format.before().as_bytes());
        text.extend_from_slice(&self.0);
        text.extend_from_slice(format.after().as_bytes());
        sensitive(&text)
    }

    /// Basic credentials (RFC 7617) with this value as the password, marked as sensitive.
    pub(super) fn into_basic(self, username: &str) -> Result<HeaderValue, VaultError> {
        const SCHEME: &[u8] = b"Basic ";
        let mut pair = Zeroizing::new(Vec::with_capacity(username.len() + 1 + self.0.len()));
        pair.extend_from_slice(username.as_bytes());
        pair.push(b':');
        pair.extend_from_slice(&self.0);
        let mut text = Zeroizing::new(vec![0; SCHEME.len() + BASE64.encode_len(pair.len())]);
        let (scheme, credentials) = text.split_at_mut(SCHEME.len());
        scheme.copy_from_slice(SCHEME);
        BASE64.encode_mut(&pair, credentials);
        sensitive(&text)
    }

    /// The value between the texts of `format`, percent-encoded for a query.
    pub(super) fn as_parameter(&self, format: &ValueFormat) -> String {
        let mut text = percent_encode(format.before().as_bytes(), NON_ALPHANUMERIC).to_string();
        text.extend(percent_encode(&self.0, NON_ALPHANUMERIC));
        text.extend(percent_encode(format.after().as_bytes(), NON_ALPHANUMERIC));
        text
    }

    /// The value as a part of a path: its characters were checked when it was stored.
    pub(super) fn as_path_text(&self) -> Result<&str, VaultError> {
        std::str::from_utf8(&self.0).map_err(|_| VaultError::DoesNotOpen)
    }

    /// Whether `text` holds the value, each of its bytes raw or percent-encoded.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        (0..text.len()).any(|at| self.end_of_match(text, at).is_some())
    }

    /// `text` with `other` in the place of the value, each of whose bytes may be raw or percent-encoded.
    pub(super) fn replaced_in(&self, text: &[u8], other: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match self.end_of_match(text, at) {
                Some(end) => {
                    replaced.extend_from_slice(other);
                    at = end;
                }
                None => {
                    replaced.push(*byte);
                    at += 1;
                }
            }
        }
        replaced
    }

    fn end_of_match(&self, text: &[u8], start: usize) -> Option<usize> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().try_fold(start, |at, expected| {
            let (byte, length) = decoded_byte(text.get(at..)?)?;
            let is_space = *expected == b' ' && text.get(at) == Some(&b'+');
            (byte == *expected || is_space).then_some(at + length)
        })
    }

    pub(super) fn into_token(self) -> Result<Token, VaultError> {
        let text = std::str::from_utf8(&self.0).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(Token::from_text(Zeroizing::new(text.to_owned())))
    }

    pub(super) fn as_token_key(&self) -> TokenKey<'_> {
        TokenKey(&self.0)
    }

    pub(super) fn append_to(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.0);
    }

    /// A private key as PKCS #8, for the certificate authority alone.
    pub(crate) fn as_private_key(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for Plaintext {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Plaintext {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// What may stand in a segment without an encoding (RFC 3986 3.3), but for the semicolon, which begins parameters.
fn is_path_text(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,=".contains(&byte)
}

/// The first byte of a percent-encoded text, and how long it is there.
fn decoded_byte(text: &[u8]) -> Option<(u8, usize)> {
    if let [b'%', high, low, ..] = text
        && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
    {
        return u8::try_from(high * 16 + low).ok().map(|byte| (byte, 3));
    }
    text.first().map(|byte| (*byte, 1))
}

fn sensitive(text: &[u8]) -> Result<HeaderValue, VaultError> {
    let mut value = HeaderValue::from_bytes(text).map_err(|_| VaultError::DoesNotOpen)?;
    value.set_sensitive(true);
    Ok(value)
}
