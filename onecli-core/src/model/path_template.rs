//! Where in a path a secret stands.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

use super::PathPattern;

/// A path with `{value}` in the place of a secret, such as `/bot{value}/*`. In its place the agent sends any text without
/// a slash; behind it comes nothing, or a path pattern.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathTemplate {
    before: String,
    after: Option<PathPattern>,
}

/// The text is no path template; the message says how to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "pathTemplate begins with / and holds {{value}} once, at the end of a segment, such as /bot{{value}}/*; \
     no *, %, ? or # stands before it"
)]
pub struct InvalidPathTemplate;

const PLACEHOLDER: &str = "{value}";

impl PathTemplate {
    /// Where in `path` the agent's text stands, if the path fits.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<Range<usize>> {
        let rest = path.strip_prefix(self.before.as_bytes())?;
        let length = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let behind = rest.get(length..)?;
        let fits = match &self.after {
            None => behind.is_empty(),
            Some(pattern) => pattern.matches(behind) || (pattern.as_str() == "/*" && behind.is_empty()),
        };
        let start = self.before.len();
        (length > 0 && fits).then_some(start..start + length)
    }
}

impl FromStr for PathTemplate {
    type Err = InvalidPathTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, after) = text.split_once(PLACEHOLDER).ok_or(InvalidPathTemplate)?;
        let plain = before.bytes().all(|byte| byte.is_ascii_graphic())
            && !before.contains(['*', '%', '?', '#', '{', '\\']);
        if !plain || !before.starts_with('/') || after.contains(PLACEHOLDER) {
            return Err(InvalidPathTemplate);
        }
        let after = match after {
            "" => None,
            _ if after.starts_with('/') => Some(after.parse().map_err(|_| InvalidPathTemplate)?),
            _ => return Err(InvalidPathTemplate),
        };
        Ok(Self { before: before.to_owned(), after })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACEHOLDER}", self.before)?;
        self.after.as_ref().map_or(Ok(()), |after| write!(f, "{after}"))
    }
}

impl PartialEq for PathTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for PathTemplate {}

impl TryFrom<String> for PathTemplate {
    type Error = InvalidPathTemplate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathTemplate> for String {
    fn from(template: PathTemplate) -> Self {
        template.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::PathTemplate;

    #[test]
    fn finds_what_the_agent_sent() {
        let template: PathTemplate = "/bot{value}/*".parse().unwrap();
        let found = |path: &'static str| template.find(path.as_bytes()).map(|range| &path[range]);
        assert_eq!(found("/botX/getMe"), Some("X"));
        assert_eq!(found("/botplaceholder/a/b"), Some("placeholder"));
        assert_eq!(found("/botX"), Some("X"));
        for path in ["/bot/getMe", "/Xbot/", "/", "/other"] {
            assert_eq!(found(path), None, "{path}");
        }
        let end: PathTemplate = "/hooks/{value}".parse().unwrap();
        assert_eq!(end.find(b"/hooks/x"), Some(7..8));
        assert_eq!(end.find(b"/hooks/x/y"), None);
    }

    #[test]
    fn refuses_what_it_could_not_place() {
        for text in [
            "",
            "/x",
            "bot{value}",
            "/{value}/{value}",
            "/*/{value}",
            "/a%2F{value}",
            "/{value}.json",
            "/a?{value}",
        ] {
            assert!(text.parse::<PathTemplate>().is_err(), "{text}");
        }
        for text in ["/bot{value}/*", "/{value}", "/a/{value}/b*c"] {
            assert_eq!(text.parse::<PathTemplate>().unwrap().to_string(), text);
        }
    }
}
