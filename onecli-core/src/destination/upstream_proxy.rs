//! The proxy of a company, through which connections to services go.

use std::{fmt, net::SocketAddr};

use data_encoding::BASE64;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

use crate::model::{AllowPrivate, Host};

/// A proxy between this gateway and services. It is asked by CONNECT, for plain HTTP too, so that it sees no secret that is
/// sent over TLS.
#[derive(Clone)]
pub struct UpstreamProxy {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// It is spoken to over TLS.
    pub(crate) is_tls: bool,
    /// The value of `Proxy-Authorization` (RFC 7617).
    pub(crate) credentials: Option<HeaderValue>,
    lookups: Lookups,
    direct: Vec<AllowPrivate>,
}

/// Who turns names into addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookups {
    /// This gateway, which checks the addresses and has the proxy connect to one of them.
    #[default]
    Local,
    /// The proxy, which gets the name. Where it leads can't be checked here then.
    Remote,
}

/// The text is no address of a proxy. It is not shown: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form http://HOST:PORT or https://USER:PASSWORD@HOST:PORT ({0})")]
pub struct InvalidUpstreamProxy(&'static str);

impl UpstreamProxy {
    /// Reads `http[s]://[user:password@]host[:port]`; user and password may be percent-encoded.
    ///
    /// # Errors
    /// If the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, InvalidUpstreamProxy> {
        let url = Url::parse(text).map_err(|_| InvalidUpstreamProxy("it is no URL"))?;
        let is_tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(InvalidUpstreamProxy("its scheme is neither http nor https")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidUpstreamProxy("it has a path"));
        }
        let host = url.host_str().and_then(|host| Host::parse(host).ok());
        Ok(Self {
            host: host.ok_or(InvalidUpstreamProxy("it names no valid host"))?,
            port: url.port_or_known_default().ok_or(InvalidUpstreamProxy("it names no port"))?,
            is_tls,
            credentials: credentials(&url)?,
            lookups: Lookups::default(),
            direct: Vec::new(),
        })
    }

    /// Has names turned into addresses there.
    #[must_use]
    pub fn lookups(mut self, lookups: Lookups) -> Self {
        self.lookups = lookups;
        self
    }

    /// Connects to these destinations without the proxy.
    #[must_use]
    pub fn direct(mut self, direct: Vec<AllowPrivate>) -> Self {
        self.direct = direct;
        self
    }

    /// Whether it turns this name into an address itself.
    pub(super) fn looks_up(&self, host: &Host, port: u16) -> bool {
        let name = host.as_str();
        // What every system takes for itself (RFC 6761 6.3) must not lead to the proxy's own loopback.
        let is_local = name == "localhost" || name.ends_with(".localhost");
        self.lookups == Lookups::Remote
            && host.ip().is_none()
            && !is_local
            && !self.direct.iter().any(|entry| match entry {
                AllowPrivate::Host(pattern) => pattern.matches(name, port, None),
                AllowPrivate::Network(_) => false,
            })
    }

    /// Whether it is gone round for all of these addresses of a host.
    pub(super) fn is_gone_round(&self, host: &Host, port: u16, addresses: &[SocketAddr]) -> bool {
        addresses
            .iter()
            .all(|address| self.direct.iter().any(|entry| entry.opens(host.as_str(), address.ip(), port)))
    }
}

fn credentials(url: &Url) -> Result<Option<HeaderValue>, InvalidUpstreamProxy> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair = Zeroizing::new(percent_decode_str(url.username()).collect::<Vec<u8>>());
    if pair.contains(&b':') {
        return Err(InvalidUpstreamProxy("its user name has a colon, which Basic can't carry"));
    }
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let text = Zeroizing::new(format!("Basic {}", BASE64.encode(&pair)));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| InvalidUpstreamProxy("its user can't be sent"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Without user and password.
impl fmt::Display for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host.uri_form(), self.port)
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpstreamProxy").field(&format_args!("{self}")).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lookups, UpstreamProxy};
    use crate::model::Host;

    #[test]
    fn reads_what_people_write() {
        for (text, shown, credentials) in [
            ("http://proxy.corp:3128", "http://proxy.corp:3128", None),
            ("http://proxy.corp", "http://proxy.corp:80", None),
            ("https://u:p@proxy.corp/", "https://proxy.corp:443", Some("Basic dTpw")),
            ("http://u:p%40%3a@[::1]:8080", "http://[::1]:8080", Some("Basic dTpwQDo=")),
        ] {
            let proxy = UpstreamProxy::parse(text).unwrap();
            assert_eq!(proxy.to_string(), shown);
            assert_eq!(proxy.credentials.as_ref().map(|value| value.to_str().unwrap()), credentials);
            assert!(!format!("{proxy:?} {:?}", proxy.credentials).contains("dTpw"), "{proxy:?}");
        }
        for text in
            ["", "proxy.corp:3128", "socks5://proxy.corp:1080", "http://proxy.corp/x", "http://a%3ab:c@x"]
        {
            let error = UpstreamProxy::parse(text).unwrap_err().to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn names_of_this_machine_are_never_left_to_it() {
        let proxy = UpstreamProxy::parse("http://proxy.corp:3128").unwrap().lookups(Lookups::Remote);
        let proxy = proxy.direct(vec!["*.corp".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]);
        let looks_up = |host: &str| proxy.looks_up(&Host::parse(host).unwrap(), 443);
        assert!(looks_up("api.test"));
        for host in ["localhost", "a.localhost", "10.1.2.3", "[::1]", "git.corp"] {
            assert!(!looks_up(host), "{host}");
        }
        let round = |host: &str, address: &str| {
            proxy.is_gone_round(&Host::parse(host).unwrap(), 443, &[address.parse().unwrap()])
        };
        assert!(round("x.test", "10.1.2.3:443") && round("git.corp", "192.0.2.1:443"));
        assert!(!round("x.test", "192.0.2.1:443"));
    }
}
