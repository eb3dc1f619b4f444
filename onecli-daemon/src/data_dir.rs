//! The data directory: one daemon at a time, the key file, and where others find the daemon.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Seek, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use onecli_core::vault::MasterKeys;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A data directory that this process owns until it is dropped.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

/// Where the daemon of a data directory is, for the CLI and for scripts.
#[derive(Debug, Serialize, Deserialize)]
struct Whereabouts {
    pid: u32,
    gateway: Vec<SocketAddr>,
    dashboard: SocketAddr,
}

const PRIVATE: u32 = 0o600;

impl DataDir {
    /// Makes the directory if it is not there, and takes it for this process.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let choose = "choose a directory that you can write with --data-dir";
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data dir {} can't be made; {choose}", path.display()))?;
        keep_private(path).with_context(|| format!("the data dir {}", path.display()))?;
        let probe = path.join(".probe");
        write_private(&probe, b"probe")
            .and_then(|()| fs::remove_file(&probe))
            .with_context(|| format!("the data dir {} can't be written; {choose}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("the data dir {}", path.display()))?;
        Ok(Self { _lock: lock(&path)?, path })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("onecli.db")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    pub(crate) fn api_socket(&self) -> PathBuf {
        self.path.join("api.sock")
    }

    pub(crate) fn gateway_id(&self) -> PathBuf {
        self.path.join("gateway-id")
    }

    pub(crate) fn api_key(&self) -> PathBuf {
        self.path.join("api-key")
    }

    /// The keys of the key file, which is made on first run: while the store, which is called `store`, holds nothing sealed.
    pub(crate) fn master_keys(&self, store: &str, holds_sealed: bool) -> Result<MasterKeys> {
        let path = self.path.join("secret-encryption.key");
        match read_private(&path) {
            Ok(text) => MasterKeys::parse(text.trim())
                .with_context(|| format!("the key file {} can't be used", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_master_key(&path, store, holds_sealed)
            }
            Err(error) => {
                Err(error).with_context(|| format!("the key file {} can't be read", path.display()))
            }
        }
    }

    fn make_master_key(&self, path: &Path, store: &str, holds_sealed: bool) -> Result<MasterKeys> {
        if holds_sealed {
            bail!(
                "{store} holds what is sealed, but the key file {} is not there; a new key would not open it. \
                 Put the key file back, or set SECRET_ENCRYPTION_KEY to the key from the first start",
                path.display()
            );
        }
        let (keys, text) = MasterKeys::generate()?;
        write_private(path, text.as_bytes())
            .with_context(|| format!("the key file {} can't be written", path.display()))?;
        Ok(keys)
    }

    /// Tells others where this daemon is.
    pub(crate) fn announce(&self, gateway: &[SocketAddr], dashboard: SocketAddr) -> Result<()> {
        let whereabouts = Whereabouts { pid: std::process::id(), gateway: gateway.to_vec(), dashboard };
        let path = self.path.join("daemon.json");
        write_private(&path, &serde_json::to_vec(&whereabouts)?)
            .with_context(|| format!("{} can't be written", path.display()))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join("daemon.json"));
        let _ = fs::remove_file(self.api_socket());
    }
}

/// Takes rights from others that a directory was made with before.
fn keep_private(path: &Path) -> Result<()> {
    let found = fs::metadata(path)?;
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me && me != 0 {
        bail!("belongs to another user; choose one of your own with --data-dir");
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))
            .context("is open to other users, and can't be closed to them")?;
        tracing::warn!("the data dir {} was open to other users; it is closed to them now", path.display());
    }
    Ok(())
}

/// Writes a file that only its owner can read: whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// Reads a file that holds a key.
pub(crate) fn read_private(path: &Path) -> io::Result<Zeroizing<String>> {
    fs::read_to_string(path).map(Zeroizing::new)
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE)
        .open(&path)
        .with_context(|| format!("{} can't be opened", path.display()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => bail!(running(directory, &mut file)),
        Err(error) => return Err(error).with_context(|| format!("{} can't be locked", path.display())),
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

/// What to say when another daemon has the directory.
fn running(directory: &Path, lock: &mut File) -> String {
    let whereabouts = fs::read(directory.join("daemon.json"))
        .ok()
        .and_then(|json| serde_json::from_slice::<Whereabouts>(&json).ok());
    let place = match whereabouts {
        Some(found) => {
            format!("pid {}, at http://{} (data dir {})", found.pid, found.dashboard, directory.display())
        }
        None => {
            let mut pid = String::new();
            let _ = lock.read_to_string(&mut pid);
            format!("pid {} (data dir {})", pid.trim(), directory.display())
        }
    };
    format!("already running, {place}; stop it or choose another --data-dir")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::DataDir;

    #[test]
    fn a_second_daemon_is_told_of_the_first() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let told = DataDir::open(&path).err().unwrap().to_string();
        assert!(told.starts_with(&format!("already running, pid {}", std::process::id())), "{told}");
        first.announce(&[], "127.0.0.1:10254".parse().unwrap()).unwrap();
        let told = DataDir::open(&path).err().unwrap().to_string();
        assert!(told.contains("at http://127.0.0.1:10254") && told.contains("--data-dir"), "{told}");
        drop(first);
        assert!(!path.join("daemon.json").exists());
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o775)).unwrap();
        let _directory = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_key_is_never_made_anew_beside_a_database() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::open(home.path()).unwrap();
        directory.master_keys("the database", false).unwrap();
        let key = home.path().join("secret-encryption.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        directory.master_keys("the database", true).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert!(
            directory
                .master_keys("the database", true)
                .err()
                .unwrap()
                .to_string()
                .contains("Put the key file back")
        );
        assert!(!key.exists());
    }
}
