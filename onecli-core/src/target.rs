//! Where a request is to go.

use std::sync::Arc;

use http::uri::Scheme;

use crate::model::Host;

/// The destination of a request, in the forms that the rules judge and in the one that is sent.
#[derive(Clone)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The host, canonical: this one is resolved, dialled, verified and sent.
    pub host: Host,
    /// The port, the scheme's default filled in.
    pub port: u16,
    /// The path as received, without the query: this one is sent.
    pub path: Arc<str>,
    /// The query as received, without `?`. Never recorded.
    pub query: Option<Arc<str>>,
}

impl Target {
    /// The port that a scheme means when none is given.
    #[must_use]
    pub fn default_port(scheme: &Scheme) -> u16 {
        if *scheme == Scheme::HTTP { 80 } else { 443 }
    }

    /// `host` or `host:port`, as it stands in a URI.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port == Self::default_port(&self.scheme) {
            true => self.host.uri_form().into_owned(),
            false => format!("{}:{}", self.host.uri_form(), self.port),
        }
    }

    /// The path and query to send.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_string(),
        }
    }
}

/// Without path and query: a secret may stand in either.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({}://{}:{})", self.scheme, self.host, self.port)
    }
}
