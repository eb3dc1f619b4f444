//! What the calls work on.

use std::{net::SocketAddr, sync::Arc};

use onecli_core::{admin::Admin, audit::Recorder, store::Store, vault::Vault};
use url::Url;

/// What the calls work on.
pub(crate) struct Backend {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) admin: Admin,
    pub(crate) recorder: Arc<Recorder>,
    /// The root certificate as PEM.
    pub(crate) root_pem: String,
    /// The root certificate and the daemon's roots, as PEM.
    pub(crate) trust_bundle: String,
    pub(crate) reach: Reach,
}

/// How the gateway is reached.
pub(crate) struct Reach {
    pub(crate) listeners: Vec<SocketAddr>,
    /// Host and port for containers, if it is set.
    pub(crate) base_url: Option<String>,
    /// What callers are told, if it is set.
    pub(crate) public_url: Option<Url>,
}

/// The port of a gateway that has no listener, which does not start.
const NO_PORT: u16 = 0;

impl Reach {
    /// Host and port that containers use.
    pub(crate) fn for_containers(&self) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("host.docker.internal:{}", self.port()))
    }

    /// For a caller that reached the API under `host`; without one, on this machine.
    pub(crate) fn for_caller(&self, host: Option<&str>) -> String {
        match (&self.public_url, host, self.on_this_machine()) {
            (Some(url), ..) => url.as_str().trim_end_matches('/').to_owned(),
            (None, Some(host), _) => format!("http://{host}:{}", self.port()),
            (None, None, Some(address)) => format!("http://{address}"),
            (None, None, None) => format!("http://127.0.0.1:{}", self.port()),
        }
    }

    fn port(&self) -> u16 {
        self.on_this_machine().map_or(NO_PORT, |address| address.port())
    }

    fn on_this_machine(&self) -> Option<SocketAddr> {
        self.listeners.iter().find(|address| address.ip().is_loopback()).or(self.listeners.first()).copied()
    }
}
