//! Conditions: what else a request must be like for a rule to match.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// What a request must be like, besides host, path and method. All conditions of a rule must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Condition {
    /// The body holds this text, as sent or in any decoded form.
    BodyContains {
        /// The text.
        value: String,
    },
    /// A header has this value.
    HeaderEquals {
        /// The header's name, in lower case.
        name: String,
        /// Its whole value.
        value: String,
    },
    /// A header's value holds this text.
    HeaderContains {
        /// The header's name, in lower case.
        name: String,
        /// The text.
        value: String,
    },
    /// The query has a parameter of this name, and of this value if there is one.
    QueryHas {
        /// The parameter's name.
        name: String,
        /// Its value; none: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
}

/// Why something is not a condition; the message says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidCondition {
    #[error("a condition's {0} has 1 to 1024 bytes")]
    Length(&'static str),
    #[error("`{0}` is not a header's name; write one such as content-type")]
    HeaderName(String),
    #[error("the header `{0}` can't be in a condition: it belongs to the connection; {1}")]
    HeaderOfConnection(String, &'static str),
    #[error("a header's value can't hold control characters, nor spaces at its ends")]
    HeaderValue,
    #[error("a rule has at most {MOST} conditions")]
    TooMany,
}

/// The most conditions that a rule may have.
const MOST: usize = 16;
const LONGEST: usize = 1024;

/// Headers that are not passed on as they came, so that a condition about them would never hold.
const OF_CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Condition {
    /// Checks conditions, and brings header names into lower case.
    ///
    /// # Errors
    /// If there are too many, or one could never hold.
    pub fn check_all(conditions: &[Self]) -> Result<Vec<Self>, InvalidCondition> {
        if conditions.len() > MOST {
            return Err(InvalidCondition::TooMany);
        }
        conditions.iter().map(Self::check).collect()
    }

    fn check(&self) -> Result<Self, InvalidCondition> {
        let sized = |what, text: &str| match (1..=LONGEST).contains(&text.len()) {
            true => Ok(text.to_owned()),
            false => Err(InvalidCondition::Length(what)),
        };
        Ok(match self {
            Self::BodyContains { value } => Self::BodyContains { value: sized("value", value)? },
            Self::HeaderEquals { name, value } => {
                Self::HeaderEquals { name: header_name(name)?, value: header_value(sized("value", value)?)? }
            }
            Self::HeaderContains { name, value } => Self::HeaderContains {
                name: header_name(name)?,
                value: header_value(sized("value", value)?)?,
            },
            Self::QueryHas { name, value } => {
                let value = value.as_ref().map(|value| match value.is_empty() {
                    true => Ok(String::new()),
                    false => sized("value", value),
                });
                Self::QueryHas { name: sized("name", name)?, value: value.transpose()? }
            }
        })
    }

    /// The text that a body must hold, if this is about the body.
    #[must_use]
    pub fn body_text(&self) -> Option<&str> {
        match self {
            Self::BodyContains { value } => Some(value),
            _ => None,
        }
    }
}

fn header_name(text: &str) -> Result<String, InvalidCondition> {
    let name = HeaderName::from_bytes(text.trim().as_bytes())
        .map_err(|_| InvalidCondition::HeaderName(text.escape_debug().take(40).collect()))?;
    let own = name.as_str().starts_with("x-onecli-");
    if own || OF_CONNECTION.contains(&name.as_str()) {
        let instead = match name.as_str() {
            "host" => "the rule's host pattern says it",
            _ if own => "it is for the gateway alone",
            _ => "name one that is passed on",
        };
        return Err(InvalidCondition::HeaderOfConnection(name.as_str().to_owned(), instead));
    }
    Ok(name.as_str().to_owned())
}

fn header_value(text: String) -> Result<String, InvalidCondition> {
    match HeaderValue::from_str(&text) {
        Ok(_) if text.trim() == text => Ok(text),
        _ => Err(InvalidCondition::HeaderValue),
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, InvalidCondition};

    fn equals(name: &str, value: &str) -> Condition {
        Condition::HeaderEquals { name: name.into(), value: value.into() }
    }

    #[test]
    fn names_of_headers_are_lower_case() {
        let checked = Condition::check_all(&[equals("X-Mode", "on")]).unwrap();
        assert_eq!(checked, [equals("x-mode", "on")]);
    }

    #[test]
    fn what_could_never_hold_is_refused() {
        for condition in [
            equals("Host", "x"),
            equals("Content-Length", "1"),
            equals("x-onecli-secret", "x"),
            equals("a b", "x"),
            equals("a", " x"),
            equals("a", ""),
            equals("a", "x\ny"),
            Condition::BodyContains { value: String::new() },
            Condition::BodyContains { value: "x".repeat(1025) },
            Condition::QueryHas { name: String::new(), value: None },
        ] {
            assert!(Condition::check_all(std::slice::from_ref(&condition)).is_err(), "{condition:?}");
        }
        let many = vec![equals("a", "x"); 17];
        assert_eq!(Condition::check_all(&many), Err(InvalidCondition::TooMany));
    }
}
