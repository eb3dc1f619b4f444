//! Which addresses the gateway may connect to: it is no door into the host or its networks.

mod address;
mod guard;
mod resolve;

pub use address::Reach;
pub use guard::{DestinationGuard, GuardError};
pub use resolve::{ConnectTo, InvalidConnectTo};
