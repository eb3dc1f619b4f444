//! Finding the daemon.

use std::{
    env, fmt, fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Client, Error};

/// Where to look for a daemon, and with which key.
///
/// The address and key that are named here win. Else the local socket in the data dir is asked, with the owner key that
/// lies beside it. That key goes nowhere else: if no daemon runs, any user of the machine may listen on its port.
/// [`ClientBuilder::DEFAULT_URL`](super::ClientBuilder::DEFAULT_URL) is asked only with a key that is named.
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
    /// [`Error::Configuration`] if address or key can't be used, [`Error::Unreachable`] if none is named and no daemon
    /// runs in the data dir.
    pub fn client(&self) -> Result<Client, Error> {
        let socket = self.data_dir.join("api.sock");
        let (builder, key) = match (&self.url, UnixStream::connect(&socket)) {
            (Some(url), _) => (Client::builder().url(url), self.api_key.clone()),
            (None, Ok(_)) => {
                let key = self.api_key.clone().or_else(|| owner_key(&self.data_dir));
                (Client::builder().socket(socket), key)
            }
            (None, Err(_)) if self.api_key.is_some() => (Client::builder(), self.api_key.clone()),
            (None, Err(error)) => {
                return Err(Error::Unreachable {
                    address: socket.display().to_string(),
                    reason: error.kind().to_string(),
                });
            }
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
