//! How much, and how long, a gateway lets others take.

use std::time::Duration;

/// How much, and how long, agents and services may take. Inactivity is limited, not duration: a transfer that goes on may last.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest header fields of a request, names and values together, in bytes: 431.
    pub header_bytes: usize,
    /// The most header fields of a request: 431.
    pub header_count: usize,
    /// The longest request target, in bytes: 414.
    pub uri_bytes: usize,
    /// The largest body of a request, in bytes; none: any: 413.
    pub body_bytes: Option<u64>,
    /// The most connections to the gateway's port at once; more are closed.
    pub connections: usize,
    /// The most of them that one agent, its children included, has CONNECTed at once; more are refused: 503.
    pub connections_per_agent: usize,
    /// The most requests that one HTTP/2 connection of an agent may have open at once.
    pub streams: u32,
    /// The most streams that a client may have reset before they were looked at; then its connection is closed.
    pub resets: usize,
    /// How long a client may take for a request's head, from the end of the request before; then its connection is closed.
    pub head: Duration,
    /// How long a client's TLS handshake may take.
    pub handshake: Duration,
    /// How long a connection to a service may take to stand, name lookup and TLS handshake included: 504.
    pub connect: Duration,
    /// How long a service may take to begin its answer, from the end of the request on: 504.
    pub first_byte: Duration,
    /// How long a body may stall, either way, and how long either side may take nothing of what is sent to it: 408 if it is the
    /// request's body and nothing was answered yet, else the exchange is cut off.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            header_count: 100,
            uri_bytes: 32 * 1024,
            body_bytes: None,
            connections: 16_384,
            connections_per_agent: 12_288,
            streams: 200,
            resets: 100,
            head: Duration::from_secs(120),
            handshake: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(600),
            stall: Duration::from_secs(900),
        }
    }
}
