//! The policy in force: an immutable, compiled snapshot that the gateway reads, and its renewal from the store.

mod feed;
mod host_index;
pub mod settings;
mod snapshot;

pub use feed::{NoSnapshot, Policy, PolicyError};
pub use host_index::HostIndex;
pub use snapshot::{PolicyAgent, PolicySecret, Snapshot};
