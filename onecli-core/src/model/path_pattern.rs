//! Which paths a rule or a secret is about.

use std::{fmt, str::FromStr};

use super::wildcard::Wildcard;

/// A path pattern: `*` or nothing is any path; else exact, with `*` standing for any run of characters, `/` too.
/// `/v1/*` also matches `/v1`. The query is never part of it.
#[derive(Clone)]
pub struct PathPattern {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Any,
    Only { whole: Wildcard, without_tail: Option<Wildcard> },
}

/// Why a text is not a path pattern; the message says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidPathPattern {
    #[error("a path pattern begins with / or *: write /{0}")]
    Start(String),
    #[error("a path pattern has no query or fragment: leave out ? and # and what follows")]
    Query,
    #[error("a path pattern is visible ASCII; write other characters percent-encoded, as they are sent")]
    Character,
}

impl PathPattern {
    /// The pattern that every path matches.
    #[must_use]
    pub fn any() -> Self {
        Self { text: "*".into(), kind: Kind::Any }
    }

    /// Whether every path is meant.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self.kind, Kind::Any)
    }

    /// Whether `path` is meant.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.kind {
            Kind::Any => true,
            Kind::Only { whole, without_tail } => {
                whole.matches(path) || without_tail.as_ref().is_some_and(|bare| bare.matches(path))
            }
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PathPattern {
    type Err = InvalidPathPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.bytes().all(|byte| byte == b'*') {
            return Ok(Self::any());
        }
        if text.contains(['?', '#']) {
            return Err(InvalidPathPattern::Query);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidPathPattern::Character);
        }
        if !text.starts_with(['/', '*']) {
            return Err(InvalidPathPattern::Start(text.to_owned()));
        }
        let bare = text.strip_suffix("/*").filter(|bare| !bare.is_empty());
        let kind = Kind::Only {
            whole: Wildcard::new(text, 0),
            without_tail: bare.map(|bare| Wildcard::new(bare, 0)),
        };
        Ok(Self { text: text.into(), kind })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPathPattern, PathPattern};

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<PathPattern>().unwrap().matches(path.as_bytes())
    }

    #[test]
    fn stars_cross_slashes_and_a_tail_is_optional() {
        assert!(matches("", "/anything"));
        assert!(matches("*", "/"));
        assert!(matches("/v1/*", "/v1/a/b"));
        assert!(matches("/v1/*", "/v1"));
        assert!(matches("/v1/*", "/v1/"));
        assert!(!matches("/v1/*", "/v10"));
        assert!(matches("/repos/*/pulls", "/repos/a/b/pulls"));
        assert!(!matches("/repos", "/repos/"));
        assert!(matches("/*", "/"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, error) in [
            ("v1", InvalidPathPattern::Start("v1".into())),
            ("/a?b", InvalidPathPattern::Query),
            ("/a b", InvalidPathPattern::Character),
            ("/ü", InvalidPathPattern::Character),
        ] {
            assert_eq!(text.parse::<PathPattern>().unwrap_err(), error);
        }
    }
}
