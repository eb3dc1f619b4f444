//! Which paths a rule or a secret is about.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode;

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
    Only {
        written: Form,
        /// What a service may read for a pattern that holds percent-encodings.
        read: Vec<Form>,
    },
}

/// A pattern, and what is left of it without `/*` at its end.
#[derive(Clone)]
struct Form {
    whole: Wildcard,
    without_tail: Option<Wildcard>,
}

/// A pattern that is encoded more often than paths may be has no more forms.
const DEEPEST: usize = 8;

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

    /// Whether `path`, as it is sent, is meant by the pattern as it is written.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.kind {
            Kind::Any => true,
            Kind::Only { written, .. } => written.matches(path),
        }
    }

    /// Whether `path`, as a service may read it, is meant by the pattern, as it is written or percent-decoded: `/a%2Fb` is
    /// another spelling of `/a%2fb`, and both may be read as `/a/b`.
    #[must_use]
    pub fn matches_reading(&self, path: &[u8]) -> bool {
        match &self.kind {
            Kind::Any => true,
            Kind::Only { written, read } => {
                written.matches(path) || read.iter().any(|form| form.matches(path))
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
        let mut parts: Vec<Vec<u8>> = text.split('*').map(Into::into).collect();
        let written = Form::of(&parts);
        let mut read = Vec::new();
        for _ in 0..DEEPEST {
            // Part by part: a star that is encoded is no star.
            let decoded: Vec<Vec<u8>> = parts.iter().map(|part| percent_decode(part).collect()).collect();
            if decoded == parts {
                break;
            }
            read.push(Form::of(&decoded));
            parts = decoded;
        }
        Ok(Self { text: text.into(), kind: Kind::Only { written, read } })
    }
}

impl Form {
    fn of(parts: &[Vec<u8>]) -> Self {
        Self {
            whole: Wildcard::between(parts.iter().map(Vec::as_slice), 0),
            without_tail: without_tail(parts).map(|bare| Wildcard::between(bare.into_iter(), 0)),
        }
    }

    fn matches(&self, path: &[u8]) -> bool {
        self.whole.matches(path) || self.without_tail.as_ref().is_some_and(|bare| bare.matches(path))
    }
}

/// The parts without `/*` at the end, if they end so.
fn without_tail(parts: &[Vec<u8>]) -> Option<Vec<&[u8]>> {
    let (last, rest) = parts.split_last()?;
    let (before, earlier) = rest.split_last()?;
    let before = before.strip_suffix(b"/").filter(|_| last.is_empty())?;
    let is_all = before.is_empty() && earlier.is_empty();
    (!is_all).then(|| earlier.iter().map(Vec::as_slice).chain([before]).collect())
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
    fn an_encoded_pattern_is_also_what_it_may_be_read_as() {
        let pattern = |text: &str| text.parse::<PathPattern>().unwrap();
        for path in ["/a%2Fb/x", "/a/b/x", "/a%2Fb", "/a/b"] {
            assert!(pattern("/a%2Fb/*").matches_reading(path.as_bytes()), "{path}");
            assert_eq!(pattern("/a%2Fb/*").matches(path.as_bytes()), path.contains('%'), "{path}");
        }
        assert!(pattern("/%2561/*").matches_reading(b"/a/x"));
        assert!(pattern("/a%2A").matches_reading(b"/a*") && !pattern("/a%2A").matches_reading(b"/abc"));
        assert!(!pattern("/a/b").matches_reading(b"/a%2Fb"), "a path's readings are the path's business");
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
