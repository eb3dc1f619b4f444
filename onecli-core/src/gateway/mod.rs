//! The data plane: a file for each step of a request's way. `pipeline.rs` shows them in order.

mod accept;
mod activity;
mod authenticate;
mod body;
mod builder;
mod client_hello;
mod connection;
mod connections;
mod connector;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway_tls;
mod guesses;
mod headers;
mod lanes;
mod limits;
mod link;
mod local;
mod one_of;
mod pipeline;
mod prefixed;
mod proxied;
mod receive;
mod reply;
mod resend;
mod serve;
mod socket;
mod splice;
mod stall;
mod tls_failure;
mod tunnel;
mod upload;
mod upstream;
mod websocket;

pub use builder::{Gateway, GatewayBuilder, GatewayError, GatewayHandle};
pub use connections::ClosedConnections;
pub use gateway_tls::GatewayTls;
pub use limits::Limits;
pub use local::LocalService;
pub use reply::ReplyBody;
pub use upstream::{Forwarded, Upstream};

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{audit::Recorder, ca::CertificateAuthority, policy::Policy, rules::RuleEngine, vault::Vault};

/// What every connection of a gateway shares.
pub(crate) struct Shared {
    policy: Arc<Policy>,
    rules: RuleEngine,
    vault: Arc<Vault>,
    upstream: Upstream,
    /// Dials for tunnels.
    connector: connector::GuardedConnector,
    authority: Arc<CertificateAuthority>,
    recorder: Arc<Recorder>,
    activity: Arc<activity::Activity>,
    local: Option<Arc<dyn LocalService>>,
    tls: Option<GatewayTls>,
    limits: Arc<Limits>,
    connections: Arc<connections::Connections>,
    guesses: guesses::Guesses,
    /// No new requests; running ones go on.
    drain: CancellationToken,
    /// Running ones end too.
    abort: CancellationToken,
    tasks: TaskTracker,
}
