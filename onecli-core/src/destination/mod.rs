//! Which addresses the gateway may connect to: it is no door into the host or its networks.

mod address;
mod guard;
mod resolve;
mod upstream_proxy;

pub use address::Reach;
pub use guard::{DestinationGuard, GuardError, Route};
pub use resolve::{ConnectTo, InvalidConnectTo};
pub use upstream_proxy::{InvalidUpstreamProxy, Lookups, UpstreamProxy};
