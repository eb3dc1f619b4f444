//! Checks where a connection would go, before it is made.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use super::{ConnectTo, Reach, UpstreamProxy, resolve::Resolver};
use crate::model::{AllowPrivate, Host};

/// Resolves hosts and refuses those that must not be reached. Connections are made only to the addresses that it gives,
/// so the address that was checked is the address that is dialled.
pub struct DestinationGuard {
    resolver: Resolver,
    proxy: Option<UpstreamProxy>,
    own: RwLock<Own>,
}

/// The listeners of this daemon, which are never a destination.
#[derive(Debug, Default)]
struct Own {
    ports: Vec<u16>,
    names: Vec<(Host, Option<u16>)>,
}

/// How a destination is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// By one of these addresses.
    Direct(Arc<[SocketAddr]>),
    /// By one of these addresses, through the upstream proxy.
    Proxied(Arc<[SocketAddr]>),
    /// Through the upstream proxy, which looks its name up.
    ProxiedByName,
}

/// Why a destination is not reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum GuardError {
    #[error("{host} leads to {kind}, which is not open{remedy}")]
    NotAllowed { host: String, kind: &'static str, remedy: &'static str },
    #[error("{0}")]
    Dns(String),
}

const SETTING: &str = "; ONECLI_ALLOW_PRIVATE can open it";

/// Names by which clouds hand out credentials of the machine.
const METADATA_NAMES: [&str; 5] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"];

impl DestinationGuard {
    /// A guard that connects as `connect_to` says, and else as the system resolves.
    #[must_use]
    pub fn new(connect_to: Vec<ConnectTo>) -> Self {
        Self { resolver: Resolver::new(connect_to), proxy: None, own: RwLock::default() }
    }

    /// Leads through a proxy what is not to go round it.
    #[must_use]
    pub fn through(mut self, proxy: Option<UpstreamProxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// The proxy, if there is one.
    pub(crate) fn proxy(&self) -> Option<&UpstreamProxy> {
        self.proxy.as_ref()
    }

    /// The addresses of the proxy itself, wherever they are, but for this daemon.
    ///
    /// # Errors
    /// If it does not resolve, or leads to this daemon.
    pub(crate) async fn check_proxy(&self, proxy: &UpstreamProxy) -> Result<Arc<[SocketAddr]>, GuardError> {
        let found = self.resolver.resolve(&proxy.host, proxy.port).await;
        let addresses = found.map_err(|error| GuardError::Dns(format!("of the upstream proxy: {error}")))?;
        match addresses.iter().any(|address| self.is_own_listener(*address)) {
            true => Err(GuardError::NotAllowed {
                host: "the upstream proxy".into(),
                kind: "OneCLI itself",
                remedy: "; see ONECLI_UPSTREAM_PROXY",
            }),
            false => Ok(addresses),
        }
    }

    /// Closes this daemon's own listeners, at every address of this machine, and the public names by which they are
    /// reached.
    pub fn close_own(&self, listeners: &[SocketAddr], public_names: &[(Host, Option<u16>)]) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        own.ports.extend(listeners.iter().map(SocketAddr::port));
        own.names.extend_from_slice(public_names);
    }

    /// How `host` may be reached.
    ///
    /// # Errors
    /// If it does not resolve, or if any of its addresses is not open: a name that leads to several places could be
    /// made to lead to the wrong one.
    pub async fn check(&self, host: &Host, port: u16, allowed: &[AllowPrivate]) -> Result<Route, GuardError> {
        let refuse = |kind, remedy| GuardError::NotAllowed { host: host.to_string(), kind, remedy };
        if METADATA_NAMES.contains(&host.as_str()) {
            return Err(refuse("a cloud metadata service", ""));
        }
        if self.is_own_name(host, port) {
            return Err(refuse("OneCLI itself", ""));
        }
        if self.proxy.as_ref().is_some_and(|proxy| proxy.looks_up(host, port))
            && !self.resolver.is_given(host, port)
        {
            return Ok(Route::ProxiedByName);
        }
        let addresses =
            self.resolver.resolve(host, port).await.map_err(|error| GuardError::Dns(error.to_string()))?;
        for address in addresses.iter() {
            match Reach::of(address.ip()) {
                Reach::Never(kind) => return Err(refuse(kind, "")),
                _ if self.is_own_listener(*address) => return Err(refuse("OneCLI itself", "")),
                Reach::Private(kind) if !is_open(allowed, host, port, *address) => {
                    return Err(refuse(kind, SETTING));
                }
                Reach::Private(_) | Reach::Public => {}
            }
        }
        Ok(match &self.proxy {
            Some(proxy) if !proxy.is_gone_round(host, port, &addresses) => Route::Proxied(addresses),
            _ => Route::Direct(addresses),
        })
    }

    fn is_own_name(&self, host: &Host, port: u16) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.names.iter().any(|(name, at)| name == host && at.is_none_or(|at| at == port))
    }

    fn is_own_listener(&self, address: SocketAddr) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.ports.contains(&address.port()) && is_this_machine(address.ip().to_canonical())
    }
}

/// An entry with a port means the port that the agent named, or the one that is dialled.
fn is_open(allowed: &[AllowPrivate], host: &Host, port: u16, address: SocketAddr) -> bool {
    allowed.iter().any(|entry| entry.opens(host.as_str(), address.ip(), port))
}

fn is_this_machine(ip: IpAddr) -> bool {
    // If the interfaces can't be read, every address may be one of theirs.
    ip.is_loopback()
        || if_addrs::get_if_addrs().map_or(true, |interfaces| interfaces.iter().any(|own| own.ip() == ip))
}

impl std::fmt::Debug for DestinationGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DestinationGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{DestinationGuard, GuardError, Route};
    use crate::{
        destination::{Lookups, UpstreamProxy},
        model::{AllowPrivate, Host},
    };

    async fn check(
        guard: &DestinationGuard, host: &str, port: u16, allowed: &[&str],
    ) -> Result<String, GuardError> {
        let allowed: Vec<AllowPrivate> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Ok(match guard.check(&Host::parse(host).unwrap(), port, &allowed).await? {
            Route::Direct(addresses) => addresses[0].to_string(),
            Route::Proxied(addresses) => format!("proxied {}", addresses[0]),
            Route::ProxiedByName => "proxied by name".to_owned(),
        })
    }

    fn guard() -> DestinationGuard {
        let given =
            ["a.test:443=127.0.0.1:8443", "rebound.test:443=169.254.169.254:80", "pub.test:443=1.1.1.1:443"];
        DestinationGuard::new(given.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[tokio::test]
    async fn private_only_by_name_or_network() {
        let guard = guard();
        assert!(check(&guard, "a.test", 443, &[]).await.is_err());
        assert_eq!(check(&guard, "a.test", 443, &["127.0.0.0/8"]).await.unwrap(), "127.0.0.1:8443");
        assert!(check(&guard, "a.test", 443, &["a.test"]).await.is_ok());
        assert!(check(&guard, "a.test", 443, &["a.test:8443"]).await.is_err());
        assert!(check(&guard, "127.0.0.1", 443, &["a.test"]).await.is_err());
        assert_eq!(check(&guard, "pub.test", 443, &[]).await.unwrap(), "1.1.1.1:443");
    }

    #[tokio::test]
    async fn nothing_opens_metadata_or_ourselves() {
        let guard = guard();
        let open = ["0.0.0.0/0", "::/0", "rebound.test", "metadata.google.internal"];
        for host in
            ["rebound.test", "169.254.169.254", "metadata.google.internal", "0.0.0.0", "[fd00:ec2::254]"]
        {
            assert!(check(&guard, host, 443, &open).await.is_err(), "{host}");
        }
        guard
            .close_own(&["127.0.0.1:10255".parse().unwrap()], &[(Host::parse("one.example").unwrap(), None)]);
        for host in ["127.0.0.1", "[::1]", "127.9.9.9", "[::ffff:127.0.0.1]", "one.example"] {
            assert!(check(&guard, host, 10255, &open).await.is_err(), "{host}");
        }
        assert!(check(&guard, "127.0.0.1", 10256, &open).await.is_ok());
    }

    #[tokio::test]
    async fn a_proxy_opens_nothing() {
        for (lookups, by_name) in [(Lookups::Local, None), (Lookups::Remote, Some("proxied by name"))] {
            let proxy = UpstreamProxy::parse("http://127.0.0.1:3128").unwrap().lookups(lookups);
            let guard = guard().through(Some(proxy.direct(vec!["127.0.0.0/8".parse().unwrap()])));
            assert_eq!(check(&guard, "pub.test", 443, &[]).await.unwrap(), "proxied 1.1.1.1:443");
            assert_eq!(check(&guard, "9.9.9.9", 443, &[]).await.unwrap(), "proxied 9.9.9.9:443");
            assert_eq!(check(&guard, "a.test", 443, &["a.test"]).await.unwrap(), "127.0.0.1:8443");
            for host in ["a.test", "rebound.test", "169.254.169.254", "10.0.0.1", "metadata.google.internal"]
            {
                assert!(check(&guard, host, 443, &[]).await.is_err(), "{host}");
            }
            assert_eq!(check(&guard, "not-here.invalid", 443, &[]).await.ok().as_deref(), by_name);
        }
        let itself = UpstreamProxy::parse("http://127.0.0.1:10255").unwrap();
        let guard = guard();
        guard.close_own(&["127.0.0.1:10255".parse().unwrap()], &[]);
        assert!(guard.check_proxy(&itself).await.is_err());
    }
}
