//! Hosts in their one canonical form.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

/// A host name or address, canonical: lower case, IDNA in ASCII (UTS 46), no trailing dot, IPv4 in dotted decimal
/// however it was spelt (WHATWG URL, "host parsing"), IPv6 compressed (RFC 5952) and without brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    name: Arc<str>,
    ip: Option<IpAddr>,
}

/// Why a text is not a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a host name or address")]
pub struct InvalidHost {
    text: String,
}

impl Host {
    /// Reads a host as it stands in an authority: IPv6 addresses in brackets.
    ///
    /// # Errors
    /// If the text is empty, percent-encoded, or no domain name or address.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost { text: text.escape_debug().to_string() };
        let undotted = text.strip_suffix('.').unwrap_or(text);
        if undotted.is_empty() || undotted.ends_with('.') || undotted.contains('%') {
            return Err(invalid());
        }
        match url::Host::parse(undotted).map_err(|_| invalid())? {
            url::Host::Domain(name) if name.len() > 253 || !name.split('.').all(is_label) => Err(invalid()),
            url::Host::Domain(name) => Ok(Self { name: name.into(), ip: None }),
            url::Host::Ipv4(ip) => Ok(Self::from(IpAddr::V4(ip))),
            url::Host::Ipv6(ip) => Ok(Self::from(IpAddr::V6(ip))),
        }
    }

    /// The canonical form, IPv6 addresses without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The canonical form, without a copy of it.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The address, if this host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// As it stands in a URI: IPv6 addresses in brackets.
    #[must_use]
    pub fn uri_form(&self) -> Cow<'_, str> {
        match self.ip {
            Some(IpAddr::V6(_)) => Cow::Owned(format!("[{}]", self.name)),
            _ => Cow::Borrowed(&self.name),
        }
    }
}

/// Letters, digits, hyphens and underscores (RFC 1123 2.1, RFC 2782): URLs may hold more, such as `*`, but no service has
/// such a name.
fn is_label(label: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !label.is_empty() && label.bytes().all(known)
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self { name: ip.to_string().into(), ip: Some(ip) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn one_form_for_every_spelling() {
        for (spelling, canonical) in [
            ("API.GitHub.COM", "api.github.com"),
            ("api.github.com.", "api.github.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("[0:0:0:0:0:0:0:1]", "::1"),
        ] {
            assert_eq!(Host::parse(spelling).unwrap().as_str(), canonical, "{spelling}");
        }
    }

    #[test]
    fn refuses_what_is_no_host() {
        for text in [
            "",
            ".",
            "a..b",
            "a..",
            "a b",
            "a/b",
            "%61.com",
            "a%00",
            "[::1",
            "1.2.3.4.5",
            "user@host",
            "a*.test",
            "a+b",
            "*",
        ] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }
}
