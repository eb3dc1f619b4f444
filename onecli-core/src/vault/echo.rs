//! What a service sends back of a secret that stood in a URL.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Plaintext;

/// A secret that went into a URL, and what the agent had sent in its place.
pub(crate) struct Echo {
    value: Plaintext,
    sent: String,
}

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
            |name: &HeaderName| headers.get_all(name).iter().any(|value| self.value.is_in(value.as_bytes()));
        let holding: Vec<HeaderName> = URL_FIELDS.into_iter().filter(holds).collect();
        for name in &holding {
            self.replace_in(headers, name);
        }
        !holding.is_empty()
    }

    fn replace_in(&self, headers: &mut HeaderMap, name: &HeaderName) {
        let values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
        headers.remove(name);
        for value in values {
            let cleaned = self.value.replaced_in(value.as_bytes(), self.sent.as_bytes());
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
