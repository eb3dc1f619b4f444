//! Which hosts, and on which port, a rule or a secret is about.

use std::{fmt, str::FromStr};

use super::{Host, wildcard::Wildcard};

/// A host pattern: exact, or with `*` standing for one or more characters, and an optional `:port`.
/// `*` alone is any host. Case-insensitive; compared with canonical hosts ([`Host`]).
#[derive(Clone)]
pub struct HostPattern {
    host: HostPart,
    port: Option<u16>,
}

#[derive(Clone)]
enum HostPart {
    Any,
    Exact(Box<str>),
    Wildcard(Box<str>, Wildcard),
}

/// Why a text is not a host pattern; the message says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidHostPattern {
    #[error("the host pattern is empty; name a host, such as api.example.com")]
    Empty,
    #[error("leave out https:// and the path: a host pattern is a host alone, such as api.example.com")]
    NotAHostAlone,
    #[error("the port in a host pattern is a number from 1 to 65535, such as api.example.com:8443")]
    Port,
    #[error("`{0}` is not a host name; write one such as api.example.com or *.example.com")]
    Host(String),
    #[error("{0} would cover every host below the public suffix {1}; name one, such as *.example.com")]
    TooWide(String, String),
    #[error("a secret goes to one host or to `*.` and one: `{0}` holds `*` elsewhere; write *.example.com")]
    StarInside(String),
}

impl HostPattern {
    /// Whether a request to `host` at `port` is meant.
    /// Without a port in the pattern any port is, unless `default_port` names the only one.
    #[must_use]
    pub fn matches(&self, host: &str, port: u16, default_port: Option<u16>) -> bool {
        self.port.or(default_port).is_none_or(|expected| expected == port) && self.matches_host(host)
    }

    /// Whether `host` is meant, whatever the port.
    #[must_use]
    pub fn matches_host(&self, host: &str) -> bool {
        match &self.host {
            HostPart::Any => true,
            HostPart::Exact(exact) => **exact == *host,
            HostPart::Wildcard(_, wildcard) => wildcard.matches(host.as_bytes()),
        }
    }

    /// The host that this pattern names, if it names just one.
    #[must_use]
    pub fn exact_host(&self) -> Option<&str> {
        match &self.host {
            HostPart::Exact(host) => Some(host),
            _ => None,
        }
    }

    /// What stands behind a leading `*.` with no other star: `example.com` of `*.example.com`.
    #[must_use]
    pub fn wildcard_suffix(&self) -> Option<&str> {
        match &self.host {
            HostPart::Wildcard(text, _) => text.strip_prefix("*.").filter(|rest| !rest.contains('*')),
            _ => None,
        }
    }

    /// The port that the pattern asks for.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// How much of the host the pattern fixes; of two patterns that match one host the greater is more specific.
    #[must_use]
    pub fn specificity(&self) -> (bool, usize) {
        match &self.host {
            HostPart::Any => (false, 0),
            HostPart::Exact(host) => (true, host.len()),
            HostPart::Wildcard(text, _) => (false, text.len()),
        }
    }

    /// Checks that a secret may be bound to this pattern: one host, or one leading `*.`, and not over a public suffix
    /// (publicsuffix.org), where strangers can register names.
    ///
    /// # Errors
    /// If it is wider.
    pub fn check_for_secret(&self) -> Result<(), InvalidHostPattern> {
        let (text, suffix) = match &self.host {
            HostPart::Exact(_) => return Ok(()),
            HostPart::Any => return Err(InvalidHostPattern::StarInside("*".into())),
            HostPart::Wildcard(text, _) => (text, self.wildcard_suffix()),
        };
        let suffix = suffix.ok_or_else(|| InvalidHostPattern::StarInside(text.to_string()))?;
        if psl::suffix_str(suffix) == Some(suffix) {
            return Err(InvalidHostPattern::TooWide(text.to_string(), suffix.to_owned()));
        }
        Ok(())
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidHostPattern::Empty);
        }
        if text.contains(['/', '?', '#', '@']) {
            return Err(InvalidHostPattern::NotAHostAlone);
        }
        let (host, port) = split_port(text)?;
        let host = if host == "*" {
            HostPart::Any
        } else if host.contains('*') {
            let canonical = canonical_labels(host)?;
            HostPart::Wildcard(canonical.as_str().into(), Wildcard::new(&canonical, 1))
        } else {
            let host =
                Host::parse(host).map_err(|_| InvalidHostPattern::Host(host.escape_debug().to_string()))?;
            HostPart::Exact(host.as_str().into())
        };
        Ok(Self { host, port })
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), InvalidHostPattern> {
    let (host, port) = match text.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => return Ok((text, None)),
    };
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok((host, Some(number)))
        }
        _ => Err(InvalidHostPattern::Port),
    }
}

/// Labels with a star stay as they are, the others get their IDNA form.
fn canonical_labels(host: &str) -> Result<String, InvalidHostPattern> {
    let invalid = || InvalidHostPattern::Host(host.escape_debug().to_string());
    let undotted = host.strip_suffix('.').unwrap_or(host);
    let labels = undotted.split('.').map(|label| match label.contains('*') {
        true if label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'-' | b'_')) => {
            Ok(label.to_ascii_lowercase())
        }
        true => Err(invalid()),
        false => match idna::domain_to_ascii_strict(label) {
            Ok(ascii) if !ascii.is_empty() => Ok(ascii),
            _ => Err(invalid()),
        },
    });
    Ok(labels.collect::<Result<Vec<_>, _>>()?.join("."))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostPart::Any => f.write_str("*")?,
            HostPart::Exact(host) if host.contains(':') => write!(f, "[{host}]")?,
            HostPart::Exact(host) | HostPart::Wildcard(host, _) => f.write_str(host)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HostPattern, InvalidHostPattern};

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_leading_star_needs_a_label() {
        let any_below = pattern("*.Example.com");
        assert!(any_below.matches_host("api.example.com"));
        assert!(any_below.matches_host("a.b.example.com"));
        for host in ["example.com", ".example.com", "evilexample.com", "api.example.com.evil.net"] {
            assert!(!any_below.matches_host(host), "{host}");
        }
        assert!(pattern("s3.*.amazonaws.com").matches_host("s3.eu-west-1.amazonaws.com"));
    }

    #[test]
    fn ports_bind_when_named() {
        assert!(pattern("a.test").matches("a.test", 8443, None));
        assert!(!pattern("a.test").matches("a.test", 8443, Some(443)));
        assert!(pattern("a.test:8443").matches("a.test", 8443, Some(443)));
        assert!(!pattern("*:8443").matches("a.test", 443, None));
        assert!(pattern("[::1]:8443").matches("::1", 8443, None));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, error) in [
            ("", InvalidHostPattern::Empty),
            ("https://x", InvalidHostPattern::NotAHostAlone),
            ("x/y", InvalidHostPattern::NotAHostAlone),
            ("x:0", InvalidHostPattern::Port),
            ("x:+5", InvalidHostPattern::Port),
            ("x:99999", InvalidHostPattern::Port),
            ("a b", InvalidHostPattern::Host("a b".into())),
            ("*..com", InvalidHostPattern::Host("*..com".into())),
        ] {
            assert_eq!(text.parse::<HostPattern>().unwrap_err(), error);
        }
    }

    #[test]
    fn secrets_do_not_cover_public_suffixes() {
        for text in [
            "*.com",
            "*.co.uk",
            "*.s3.amazonaws.com",
            "*.github.io",
            "*",
            "a*.example.com",
            "*.*.example.com",
        ] {
            assert!(pattern(text).check_for_secret().is_err(), "{text}");
        }
        for text in ["api.example.com", "*.example.com", "10.0.0.1", "localhost"] {
            assert!(pattern(text).check_for_secret().is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_parses_back(text in r"(\*\.)?([a-z0-9]{1,5}\.){0,3}[a-z]{2,4}(:[1-9][0-9]{0,3})?") {
            let once = pattern(&text);
            prop_assert_eq!(once.to_string(), text.clone());
            prop_assert_eq!(pattern(&once.to_string()).to_string(), text);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<HostPattern>();
        }
    }
}
