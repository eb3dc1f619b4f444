//! What a service sends back of a secret that stood in a URL.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode;

use super::Plaintext;

/// A secret that went into a URL, and what the agent had sent in its place.
pub(crate) struct Echo {
    value: Plaintext,
    sent: String,
}

/// How often a field is decoded until it stands still; more is nobody's.
const DEEPEST: usize = 8;

/// Fields in which services name URLs, often the one that was asked for.
const URL_FIELDS: [HeaderName; 4] =
    [header::LOCATION, header::CONTENT_LOCATION, header::LINK, HeaderName::from_static("refresh")];

impl Echo {
    pub(super) fn new(value: Plaintext, sent: String) -> Self {
        Self { value, sent }
    }

    /// Puts what the agent had sent into the place of the secret. Answers whether it was there.
    pub(crate) fn remove_from(&self, headers: &mut HeaderMap) -> bool {
        let holds =
            |name: &HeaderName| headers.get_all(name).iter().any(|value| self.is_in(value.as_bytes()));
        let holding: Vec<HeaderName> = URL_FIELDS.into_iter().filter(holds).collect();
        for name in &holding {
            self.replace_in(headers, name);
        }
        !holding.is_empty()
    }

    /// Whether a field holds the secret, encoded however often.
    fn is_in(&self, field: &[u8]) -> bool {
        let mut text = field.to_vec();
        for _ in 0..DEEPEST {
            if self.value.is_in(&text) {
                return true;
            }
            let decoded: Vec<u8> = percent_decode(&text).collect();
            if decoded == text {
                return false;
            }
            text = decoded;
        }
        true
    }

    fn replace_in(&self, headers: &mut HeaderMap, name: &HeaderName) {
        let values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
        headers.remove(name);
        for value in values {
            let cleaned = self.value.replaced_in(value.as_bytes(), self.sent.as_bytes());
            // Encoded more than once it can't be cut out: the field goes.
            if self.is_in(&cleaned) {
                continue;
            }
            // What was cut out of a valid value leaves a valid one.
            if let Ok(cleaned) = HeaderValue::from_bytes(&cleaned) {
                headers.append(name.clone(), cleaned);
            }
        }
    }
}

impl std::fmt::Debug for Echo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Echo(***)")
    }
}
