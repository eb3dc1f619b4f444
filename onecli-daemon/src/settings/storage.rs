//! Where things are kept, and under which key.

use std::{fmt, path::PathBuf};

use onecli_core::vault::MasterKeys;
use zeroize::Zeroizing;

use super::Source;

/// Where things are kept, and under which key.
pub struct StorageSettings {
    /// `ONECLI_DATA_DIR`.
    pub data_dir: PathBuf,
    /// `SECRET_ENCRYPTION_KEY`; without it, the key file of the data dir counts.
    pub master_keys: Option<MasterKeys>,
}

impl StorageSettings {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        for name in ["DATABASE_URL", "DATABASE_URL_FILE"] {
            if source.text(name).is_some() {
                source.fault(format!(
                    "{name} is set, but PostgreSQL is not in this version yet; unset it to use the embedded database in the data dir"
                ));
            }
        }
        let data_dir = data_dir(source);
        if data_dir.is_none() {
            source.fault(
                "there is no home directory to keep data in; set ONECLI_DATA_DIR, such as /var/lib/onecli",
            );
        }
        let master_keys = master_keys(source);
        Some(Self { data_dir: data_dir?, master_keys })
    }
}

fn data_dir(source: &Source<'_>) -> Option<PathBuf> {
    let home = source.text("HOME").map(PathBuf::from);
    match source.text("ONECLI_DATA_DIR") {
        // A flag in a service's file, and a variable in compose, have no shell that would expand it.
        Some(text) => match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(PathBuf::from(text)),
        },
        None => Some(home?.join(".onecli")),
    }
}

fn master_keys(source: &mut Source<'_>) -> Option<MasterKeys> {
    const NAME: &str = "SECRET_ENCRYPTION_KEY";
    const FILE: &str = "SECRET_ENCRYPTION_KEY_FILE";
    match (source.text(NAME), source.text(FILE)) {
        (Some(_), Some(_)) => {
            source.fault(format!("both {NAME} and {FILE} are set; unset one of them"));
            None
        }
        (Some(text), None) => keys(source, NAME, text),
        (None, Some(path)) => {
            match std::fs::read_to_string(path).map(Zeroizing::new) {
                Ok(text) => keys(source, FILE, text.trim()),
                Err(error) => {
                    source.fault(format!("{FILE}: `{path}` can't be read ({error}); name a file such as /run/secrets/onecli-key"));
                    None
                }
            }
        }
        (None, None) => None,
    }
}

fn keys(source: &mut Source<'_>, name: &str, text: &str) -> Option<MasterKeys> {
    // The error says what a key looks like, and never holds the text.
    MasterKeys::parse(text).map_err(|error| source.fault(format!("{name}: {error}"))).ok()
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageSettings").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}
