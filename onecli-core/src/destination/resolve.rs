//! Names to addresses.

use std::{io, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use moka::future::Cache;

use crate::model::Host;

/// Answers are kept for this long. Short, since the system's resolver does not say how long they are good for.
const KEEP: Duration = Duration::from_secs(10);
const KEEP_AT_MOST: u64 = 10_000;

/// Connects to another address than the name says, like curl's `--connect-to`.
#[derive(Clone, Debug)]
pub struct ConnectTo {
    host: Host,
    port: u16,
    to: SocketAddr,
}

/// The text is not a [`ConnectTo`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form host:port=address:port, such as api.test:443=127.0.0.1:8443")]
pub struct InvalidConnectTo(String);

impl FromStr for ConnectTo {
    type Err = InvalidConnectTo;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (from, to) = text.split_once('=')?;
            let (host, port) = from.rsplit_once(':')?;
            Some(Self { host: Host::parse(host).ok()?, port: port.parse().ok()?, to: to.parse().ok()? })
        };
        parse().ok_or_else(|| InvalidConnectTo(text.escape_debug().to_string()))
    }
}

/// Looks names up: first those that were given, then with the system's resolver.
pub(super) struct Resolver {
    given: Vec<ConnectTo>,
    found: Cache<(Box<str>, u16), Arc<[SocketAddr]>>,
}

impl Resolver {
    pub(super) fn new(given: Vec<ConnectTo>) -> Self {
        Self { given, found: Cache::builder().max_capacity(KEEP_AT_MOST).time_to_live(KEEP).build() }
    }

    /// The addresses of a host, at least one.
    pub(super) async fn resolve(&self, host: &Host, port: u16) -> Result<Arc<[SocketAddr]>, Arc<io::Error>> {
        if let Some(given) = self.given.iter().find(|given| given.host == *host && given.port == port) {
            return Ok(Arc::new([given.to]));
        }
        if let Some(ip) = host.ip() {
            return Ok(Arc::new([SocketAddr::new(ip, port)]));
        }
        let key = (host.as_str().into(), port);
        self.found.try_get_with(key, look_up(host.as_str(), port)).await
    }
}

async fn look_up(host: &str, port: u16) -> io::Result<Arc<[SocketAddr]>> {
    let found: Arc<[SocketAddr]> = tokio::net::lookup_host((host, port)).await?.collect();
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no addresses")),
        false => Ok(found),
    }
}
