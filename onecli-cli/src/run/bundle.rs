//! The file with the certificates that a command trusts.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, Permissions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// A bundle of certificates and the file that it goes to.
pub(super) struct Bundle<'a> {
    pem: &'a str,
    dir: PathBuf,
    path: PathBuf,
}

impl<'a> Bundle<'a> {
    /// The bundle of these certificates, in a data dir. Its name is made from its content: commands that run at the same
    /// time with different certificates have different files.
    pub(super) fn of(pem: &'a str, data_dir: &Path) -> Self {
        let mut name = "ca-".to_owned();
        for byte in Sha256::digest(pem.as_bytes()).iter().take(8) {
            // Writing to a String can't fail.
            let _ = write!(name, "{byte:02x}");
        }
        let dir = data_dir.join("run");
        let path = dir.join(name + ".pem");
        Self { pem, dir, path }
    }

    /// Where it is, or will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it: readers see the whole of it or nothing, and only this user can write it.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        self.replace().with_context(|| {
            format!(
                "the certificates can't be written to {}; set ONECLI_DATA_DIR to a directory that you may write to",
                self.path.display()
            )
        })
    }

    fn replace(&self) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        fs::set_permissions(&self.dir, Permissions::from_mode(0o700))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(self.pem.as_bytes())?;
        file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Bundle;

    #[test]
    fn private_whole_and_named_by_content() {
        let data_dir = tempfile::tempdir().unwrap();
        let (one, two) = (Bundle::of("one", data_dir.path()), Bundle::of("two", data_dir.path()));
        assert_ne!(one.path(), two.path());
        one.write().unwrap();
        one.write().unwrap();
        assert_eq!(std::fs::read_to_string(one.path()).unwrap(), "one");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(one.path()), mode(one.path().parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(data_dir.path().join("run")).unwrap().count(), 1);
    }
}
