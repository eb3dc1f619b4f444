//! Making a client.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use reqwest::{
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect,
};
use url::Url;
use zeroize::Zeroizing;

use super::{Client, Error, Inner};

/// What a [`Client`] is made of.
#[derive(Clone, Default)]
pub struct ClientBuilder {
    url: Option<String>,
    socket: Option<PathBuf>,
    api_key: Option<Zeroizing<String>>,
}

impl ClientBuilder {
    /// What is asked when nothing else is said.
    pub const DEFAULT_URL: &str = "http://127.0.0.1:10254";

    /// The address of the API, such as `https://onecli.example.com`.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The local socket of a daemon on this machine; takes precedence over an address.
    #[must_use]
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// The API key (`oc_…`).
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Zeroizing<String>>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Makes the client. It connects at its first call.
    ///
    /// # Errors
    /// [`Error::Configuration`] if address or key can't be used.
    pub fn build(self) -> Result<Client, Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("onecli-sdk/", env!("CARGO_PKG_VERSION")))
            .default_headers(authorization(self.api_key.as_ref())?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60));
        let (http, base, address) = match (self.socket, self.url) {
            // The daemon tells its callers the gateway's address by the host that they asked: here this machine's.
            (Some(path), _) => {
                (http.unix_socket(path.clone()), base("http://127.0.0.1")?, path.display().to_string())
            }
            (None, url) => {
                let base = base(url.as_deref().unwrap_or(Self::DEFAULT_URL))?;
                let address = base.origin().ascii_serialization();
                (http, base, address)
            }
        };
        let http = http.build().map_err(|error| {
            Error::Configuration(format!("the HTTP client can't be set up: {}", error.without_url()))
        })?;
        Ok(Client { inner: Arc::new(Inner { http, base, address }) })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("url", &self.url)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

fn authorization(key: Option<&Zeroizing<String>>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let text = Zeroizing::new(["Bearer ", key.as_str()].concat());
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Error::Configuration(
                "the API key holds characters that no key has; copy it again (it begins with oc_)".into(),
            )
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// An address with a path that others can be joined to.
fn base(address: &str) -> Result<Url, Error> {
    let invalid = |why: &str| {
        Error::Configuration(format!(
            "the daemon's address {why}; write one such as {}",
            ClientBuilder::DEFAULT_URL
        ))
    };
    let mut url = Url::parse(address).map_err(|error| invalid(&format!("is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("is neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid("holds a user, a password or a query"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}
