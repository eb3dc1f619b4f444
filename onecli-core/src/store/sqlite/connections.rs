//! One connection that writes, and some that read.

use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use crate::store::StoreError;

/// How many read at a time; the others wait.
const READERS: usize = 4;
/// Of 4 KiB: so far the write-ahead log grows before its pages are carried over.
const CHECKPOINT_PAGES: u32 = 4_000;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections to one database. Work on them runs on threads where it may block.
#[derive(Debug)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Asynchronous: those who wait for it hold no thread, and get it in the order in which they came.
    writer: Arc<tokio::sync::Mutex<Connection>>,
    slots: Arc<Semaphore>,
    idle_readers: Mutex<Vec<Connection>>,
    /// None: in memory, where the writer reads too.
    path: Option<PathBuf>,
}

/// What a database is for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// SQLite's word for when a commit is durable: `FULL`, against power loss; `NORMAL`, against the end of the process.
    pub(super) synchronous: &'static str,
    /// Refuses a database that this version does not know, before anything is written.
    pub(super) check: fn(&Connection) -> Result<(), StoreError>,
    /// Brings the schema up to date.
    pub(super) migrate: fn(&mut Connection) -> Result<(), StoreError>,
}

impl Connections {
    pub(super) async fn open(path: PathBuf, purpose: Purpose) -> Result<Self, StoreError> {
        blocking(move || {
            create_private(&path).map_err(StoreError::unavailable)?;
            let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            (purpose.check)(&writer)?;
            write_ahead(&writer)?;
            writer.pragma_update(None, "synchronous", purpose.synchronous)?;
            (purpose.migrate)(&mut writer)?;
            Ok(Self::of(writer, Some(path)))
        })
        .await
    }

    pub(super) async fn in_memory(purpose: Purpose) -> Result<Self, StoreError> {
        blocking(move || {
            let mut writer = Connection::open_in_memory()?;
            prepare(&writer)?;
            (purpose.migrate)(&mut writer)?;
            Ok(Self::of(writer, None))
        })
        .await
    }

    fn of(writer: Connection, path: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            slots: Arc::new(Semaphore::new(READERS)),
            idle_readers: Mutex::default(),
            path,
        }))
    }

    /// Reads, as of one moment.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let Some(path) = self.0.path.clone() else {
            return self.with_writer(TransactionBehavior::Deferred, read).await;
        };
        let inner = Arc::clone(&self.0);
        let slot = Arc::clone(&inner.slots).acquire_owned().await.map_err(StoreError::unavailable)?;
        blocking(move || {
            // Kept to the end of the work, also when nobody waits for its result any more.
            let _slot = slot;
            let idle = lock(&inner.idle_readers).pop();
            let mut reader = match idle {
                Some(reader) => reader,
                None => connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            let result = in_transaction(&mut reader, TransactionBehavior::Deferred, read);
            lock(&inner.idle_readers).push(reader);
            result
        })
        .await
    }

    /// Writes, all or nothing.
    pub(super) async fn write<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.with_writer(TransactionBehavior::Immediate, write).await
    }

    async fn with_writer<T, F>(&self, behavior: TransactionBehavior, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let mut writer = Arc::clone(&self.0.writer).lock_owned().await;
        blocking(move || in_transaction(&mut writer, behavior, work)).await
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
    // Pages that are written again and again go to the database once.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(())
}

/// Switches the database to a write-ahead log. If another connection is at it too, SQLite gives up without waiting.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    const STEP: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        match connection.execute_batch("PRAGMA journal_mode = WAL;") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < BUSY_TIMEOUT =>
            {
                thread::sleep(STEP);
                waited += STEP;
            }
            done => return Ok(done?),
        }
    }
}

/// Makes sure that the file is there, and the owner's alone. SQLite gives its other files the mode of this one.
fn create_private(path: &Path) -> io::Result<()> {
    // A file that exists is not opened here: closing it would drop the locks that SQLite may hold on it elsewhere in
    // this process.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created.map(drop),
    }
    match fs::metadata(path)?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => fs::set_permissions(path, Permissions::from_mode(0o600)),
    }
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
