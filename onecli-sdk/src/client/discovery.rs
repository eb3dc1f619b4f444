//! Finding the daemon.

use std::{
    env, fmt, fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use url::Url;
use zeroize::Zeroizing;

use super::{Client, Error};

/// Where to look for a daemon, and with which key.
///
/// The address and key that are named here win. Else the local socket in the data dir is asked, and if no daemon
/// listens there, [`ClientBuilder::DEFAULT_URL`](super::ClientBuilder::DEFAULT_URL). Where no key is named, the owner
/// key in the data dir is used, but only towards this machine.
#[derive(Clone)]
pub struct Discovery {
    /// The daemon's address.
    pub url: Option<String>,
    /// The API key.
    pub api_key: Option<Zeroizing<String>>,
    /// The data dir of the daemon on this machine.
    pub data_dir: PathBuf,
}

impl Discovery {
    /// Reads `ONECLI_URL`, `ONECLI_API_KEY` and `ONECLI_DATA_DIR` (default: `~/.onecli`). Empty means not set.
    ///
    /// # Errors
    /// [`Error::Configuration`] if one of them can't be read, or there is no home directory for the default.
    pub fn from_env() -> Result<Self, Error> {
        let data_dir = match env::var_os("ONECLI_DATA_DIR").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .map(|home| home.join(".onecli"))
                .ok_or_else(|| {
                    Error::Configuration(
                        "there is no home directory; set ONECLI_DATA_DIR to the daemon's data dir".into(),
                    )
                })?,
        };
        Ok(Self { url: text("ONECLI_URL")?, api_key: text("ONECLI_API_KEY")?.map(Zeroizing::new), data_dir })
    }

    /// The client of the daemon that is found.
    ///
    /// # Errors
    /// [`Error::Configuration`] if address or key can't be used.
    pub fn client(&self) -> Result<Client, Error> {
        let socket = self.data_dir.join("api.sock");
        let (builder, local) = match &self.url {
            Some(url) => (Client::builder().url(url), is_loopback(url)),
            None if UnixStream::connect(&socket).is_ok() => (Client::builder().socket(socket), true),
            None => (Client::builder(), true),
        };
        let key = match &self.api_key {
            Some(key) => Some(key.clone()),
            None if local => owner_key(&self.data_dir),
            None => None,
        };
        match key {
            Some(key) => builder.api_key(key).build(),
            None => builder.build(),
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("url", &self.url)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

fn text(name: &str) -> Result<Option<String>, Error> {
    match env::var_os(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => value
            .into_string()
            .map(Some)
            .map_err(|_| Error::Configuration(format!("{name} is not valid UTF-8; set it anew"))),
    }
}

/// The owner key in the data dir, where this user may read it.
fn owner_key(data_dir: &Path) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(fs::read_to_string(data_dir.join("api-key")).ok()?);
    Some(text.trim()).filter(|key| !key.is_empty()).map(|key| Zeroizing::new(key.to_owned()))
}

pub(super) fn is_loopback(address: &str) -> bool {
    match Url::parse(address).ok().as_ref().and_then(Url::host) {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
