//! The client of the API: one method for each call.

mod agents;
mod audit;
mod builder;
mod discovery;
mod error;
mod gateway;
mod request;
mod rules;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use url::Url;

pub use audit::AuditPage;
pub use builder::ClientBuilder;
pub use discovery::Discovery;
pub use error::Error;

/// A client of the API. Cloning it is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    /// What the calls' paths are joined to.
    base: Url,
    /// Where the daemon is, for people.
    address: String,
}

impl Client {
    /// A client of a daemon that the caller names.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of the daemon that the environment names, or else of the one on this machine; see [`Discovery`].
    ///
    /// # Errors
    /// [`Error::Configuration`] if what the environment says can't be used.
    pub fn discover() -> Result<Self, Error> {
        Discovery::from_env()?.client()
    }

    /// Where the daemon is, for people.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.inner.address
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.inner.address).finish_non_exhaustive()
    }
}
