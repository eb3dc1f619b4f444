//! Names to addresses.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::model::Host;

/// Answers are kept for this long. Short, since the system's resolver does not say how long they are good for.
const KEEP: Duration = Duration::from_secs(10);
const KEEP_AT_MOST: u64 = 10_000;
/// So many names are looked up at once; there are 512 threads for work that blocks.
const AT_ONCE: usize = 256;
/// How long a request waits for a name.
const PATIENCE: Duration = Duration::from_secs(5);

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
    at_once: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(given: Vec<ConnectTo>) -> Self {
        let found = Cache::builder().max_capacity(KEEP_AT_MOST).time_to_live(KEEP).build();
        Self { given, found, at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Whether the address of a host was given.
    pub(super) fn is_given(&self, host: &Host, port: u16) -> bool {
        self.given.iter().any(|given| given.host == *host && given.port == port)
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
        let looking = self.found.try_get_with(key, self.look_up(host.as_str(), port));
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.unwrap_or_else(|_| Err(Arc::new(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))))
    }

    async fn look_up(&self, host: &str, port: u16) -> io::Result<Arc<[SocketAddr]>> {
        // A look-up holds a thread until the system gives up, also when nobody waits any more. The store works on the same
        // threads, so some are left to it.
        let room = Arc::clone(&self.at_once).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let looking = tokio::task::spawn_blocking(move || {
            let _room = room;
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Arc<[SocketAddr]>>)
        });
        let found = looking.await.map_err(io::Error::other)??;
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no addresses")),
            false => Ok(found),
        }
    }
}
