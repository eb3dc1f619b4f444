//! One connection that writes, and some that read.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::schema;
use crate::store::StoreError;

/// No more idle reading connections than this are kept.
const IDLE_READERS: usize = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections to one database. Work on them runs on threads where it may block.
#[derive(Debug)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// None: in memory, where the writer reads too.
    path: Option<PathBuf>,
}

impl Connections {
    pub(super) async fn open(path: PathBuf) -> Result<Self, StoreError> {
        blocking(move || {
            create_private(&path).map_err(StoreError::unavailable)?;
            let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            // FULL: with WAL, a commit is durable when it has answered.
            writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
            Self::migrated(&mut writer)?;
            Ok(Self::of(writer, Some(path)))
        })
        .await
    }

    pub(super) async fn in_memory() -> Result<Self, StoreError> {
        blocking(|| {
            let mut writer = Connection::open_in_memory()?;
            prepare(&writer)?;
            Self::migrated(&mut writer)?;
            Ok(Self::of(writer, None))
        })
        .await
    }

    fn migrated(writer: &mut Connection) -> Result<(), StoreError> {
        schema::migrate(writer)
    }

    fn of(writer: Connection, path: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { writer: Mutex::new(writer), readers: Mutex::default(), path }))
    }

    /// Reads, as of one moment.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        blocking(move || match &inner.path {
            None => in_transaction(&mut lock(&inner.writer), TransactionBehavior::Deferred, read),
            Some(path) => {
                let idle = lock(&inner.readers).pop();
                let mut reader = match idle {
                    Some(reader) => reader,
                    None => connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
                };
                let result = in_transaction(&mut reader, TransactionBehavior::Deferred, read);
                let mut readers = lock(&inner.readers);
                if readers.len() < IDLE_READERS {
                    readers.push(reader);
                }
                result
            }
        })
        .await
    }

    /// Writes, all or nothing.
    pub(super) async fn write<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        blocking(move || in_transaction(&mut lock(&inner.writer), TransactionBehavior::Immediate, write))
            .await
    }
}

fn in_transaction<T>(
    connection: &mut Connection, behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)?
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(())
}

/// SQLite gives its other files the mode of this one.
fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a piece of work has rolled its transaction back.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::unavailable(error)
    }
}
