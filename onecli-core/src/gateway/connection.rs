//! What is known of a connection before a request comes on it.

use std::{net::SocketAddr, sync::Arc};

use http::uri::Scheme;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::connections::AgentConnection;
use crate::{model::Host, store::TokenHash};

/// The connection that a request came on.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    /// Its address, as it is recorded.
    pub(super) source: Arc<str>,
    /// Ends it; the gateway's end does so too.
    pub(super) closer: CancellationToken,
    /// Its place among all connections.
    pub(super) room: Arc<OwnedSemaphorePermit>,
    /// Its place among those of its agent, once that is known.
    pub(super) _counted: Option<Arc<AgentConnection>>,
    /// The tunnel that it came through, if it did.
    pub(super) tunnel: Option<Tunnel>,
}

/// An intercepted CONNECT: who opened it, and for which destination. Each request inside is judged afresh.
#[derive(Clone, Debug)]
pub(super) struct Tunnel {
    /// The token with which it was opened; it must still be valid at each request.
    pub(super) token: TokenHash,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) scheme: Scheme,
    /// The name in the client's TLS handshake, if it was another one.
    pub(super) other_sni: bool,
}

impl Connection {
    /// The address that it came from, as it is recorded.
    pub(super) fn source(&self) -> Arc<str> {
        Arc::clone(&self.source)
    }
}
