//! Where things are kept, and under which key.

use std::{fmt, path::PathBuf};

use onecli_core::{store::PostgresUrl, vault::MasterKeys};
use zeroize::Zeroizing;

use super::Source;

/// Where things are kept, and under which key.
pub struct StorageSettings {
    /// `ONECLI_DATA_DIR`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`; without it, the embedded database of the data dir counts.
    pub database: Option<PostgresUrl>,
    /// `SECRET_ENCRYPTION_KEY`; without it, the key file of the data dir counts.
    pub master_keys: Option<MasterKeys>,
}

impl StorageSettings {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        let database = database(source);
        let data_dir = data_dir(source);
        if data_dir.is_none() {
            source.fault(
                "there is no home directory to keep data in; set ONECLI_DATA_DIR, such as /var/lib/onecli",
            );
        }
        let master_keys = master_keys(source);
        Some(Self { data_dir: data_dir?, database, master_keys })
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
    let (name, text) = hidden(source, "SECRET_ENCRYPTION_KEY", "/run/secrets/onecli-key")?;
    // The error says what a key looks like, and never holds the text.
    MasterKeys::parse(&text).map_err(|error| source.fault(format!("{name}: {error}"))).ok()
}

fn database(source: &mut Source<'_>) -> Option<PostgresUrl> {
    let (name, text) = hidden(source, "DATABASE_URL", "/run/secrets/onecli-database")?;
    // Nor does this one.
    PostgresUrl::parse(&text).map_err(|error| source.fault(format!("{name}: {error}"))).ok()
}

/// The text of a variable that may hold a password, or of the file that is named by the variable with `_FILE` behind it; and which of
/// the two it came from.
fn hidden(source: &mut Source<'_>, name: &str, example: &str) -> Option<(String, Zeroizing<String>)> {
    let file = format!("{name}_FILE");
    match (source.text(name), source.text(&file)) {
        (Some(_), Some(_)) => {
            source.fault(format!("both {name} and {file} are set; unset one of them"));
            None
        }
        (Some(text), None) => Some((name.to_owned(), Zeroizing::new(text.to_owned()))),
        (None, Some(path)) => match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => Some((file, Zeroizing::new(text.trim().to_owned()))),
            Err(error) => {
                source.fault(format!(
                    "{file}: `{path}` can't be read ({error}); name a file such as {example}"
                ));
                None
            }
        },
        (None, None) => None,
    }
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageSettings")
            .field("data_dir", &self.data_dir)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
