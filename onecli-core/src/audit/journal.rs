//! The journal: records on disk, in the order in which they came, before anything else is done with them.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    frame::{self, Record},
    fresh::Fresh,
    segment::{self, Position, SegmentNumber, SegmentReader},
};
use crate::model::{AuditEvent, Decision, EventId};

const SEGMENT_BYTES: u64 = 8 << 20;

/// When written records are durable against power loss. Against the end of the process they always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Together, at most 100 ms later.
    #[default]
    Group,
    /// Each one, before the answer.
    Each,
}

/// An append-only journal of audit records in a directory of its own.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    fsync: Fsync,
    /// A segment that has grown past this is followed by a new one.
    segment_bytes: u64,
    writer: Mutex<Writer>,
    fresh: Mutex<Fresh>,
    /// Told when something has finished.
    pub(super) finished: Notify,
}

#[derive(Debug)]
struct Writer {
    segment: SegmentNumber,
    file: File,
    length: u64,
    /// How much of it are intents from segments before: what is open must not make the next segment full from the start.
    carried: u64,
    /// Set when a failed write may have left a part of a record behind.
    torn: bool,
    unsynced: bool,
    /// Intents without a finish; they are carried into each new segment, so that an old one can go.
    open: HashMap<EventId, Vec<u8>>,
}

/// The journal can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the audit journal in {directory} can't be written")]
pub struct JournalError {
    directory: PathBuf,
    #[source]
    source: io::Error,
}

impl Journal {
    /// Opens the journal of a directory, or makes it (mode 0700). Exchanges that were open when it was written last
    /// are finished as `interrupted`.
    ///
    /// # Errors
    /// If the directory can't be read and written.
    pub fn open(directory: &Path, fsync: Fsync) -> Result<Self, JournalError> {
        Self::with_segments_of(SEGMENT_BYTES, directory, fsync)
    }

    pub(super) fn with_segments_of(
        segment_bytes: u64, directory: &Path, fsync: Fsync,
    ) -> Result<Self, JournalError> {
        Self::recover(segment_bytes, directory, fsync)
            .map_err(|source| JournalError { directory: directory.to_owned(), source })
    }

    fn recover(segment_bytes: u64, directory: &Path, fsync: Fsync) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let segments = segment::list(directory)?;
        let mut unfinished = HashMap::new();
        for number in &segments {
            let mut reader = SegmentReader::new(segment::path(directory, *number));
            loop {
                let records = reader.read(true)?;
                if records.is_empty() {
                    break;
                }
                for record in records {
                    match record {
                        Record::Intent(event) => unfinished.insert(event.id, event),
                        Record::Finish(event) => unfinished.remove(&event.id),
                    };
                }
            }
        }
        let next = segments.last().map_or(1, |last| last + 1);
        let writer = Writer::create(directory, next, HashMap::new())?;
        let position = Position { segment: next, offset: writer.length };
        let journal = Self {
            directory: directory.to_owned(),
            fsync,
            segment_bytes,
            writer: Mutex::new(writer),
            fresh: Mutex::new(Fresh::since(position)),
            finished: Notify::new(),
        };
        for (_, mut event) in unfinished {
            event.decision = Decision::Interrupted;
            event.error = Some("gateway_stopped".into());
            journal.write(Record::Finish(&event))?;
        }
        Ok(journal)
    }

    /// Writes a record. When this returns it survives the end of the process.
    pub(super) fn append(&self, record: Record<&AuditEvent>) -> Result<(), JournalError> {
        self.write(record).map_err(|source| JournalError { directory: self.directory.clone(), source })
    }

    fn write(&self, record: Record<&AuditEvent>) -> io::Result<()> {
        let frame = frame::encode(record)?;
        let mut writer = self.writer();
        if writer.torn || writer.length - writer.carried >= self.segment_bytes {
            // Nobody can make it durable later. If that fails now, the disk is at its end, and the new one tells.
            let _ = writer.sync();
            let open = std::mem::take(&mut writer.open);
            match Writer::create(&self.directory, writer.segment + 1, open.clone()) {
                Ok(next) => *writer = next,
                Err(error) => {
                    writer.open = open;
                    return Err(error);
                }
            }
        }
        writer.append(&frame)?;
        // What is in the file is followed up, also if it can't be made durable.
        let synced = if self.fsync == Fsync::Each { writer.sync() } else { Ok(()) };
        match record {
            Record::Intent(event) => writer.open.insert(event.id, frame),
            Record::Finish(event) => writer.open.remove(&event.id),
        };
        let position = writer.position();
        // While the writer is held, so that they come in order.
        self.fresh().note(record, position);
        if matches!(record, Record::Finish(_)) {
            self.finished.notify_one();
        }
        synced
    }

    /// What has finished since `position`, if it is still in memory, and up to where that is.
    pub(super) fn finished_since(&self, position: Position) -> Option<(Vec<AuditEvent>, Position)> {
        self.fresh().take(position)
    }

    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        let file = {
            let mut writer = self.writer();
            if !std::mem::take(&mut writer.unsynced) {
                return Ok(());
            }
            writer.file.try_clone()
        };
        // Outside of the lock: requests go on meanwhile.
        file.and_then(|file| file.sync_data()).inspect_err(|_| self.writer().unsynced = true)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Up to where it is written.
    pub(super) fn written(&self) -> Position {
        self.writer().position()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic elsewhere leaves the writer as it was: every change of it is whole.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn create(directory: &Path, segment: SegmentNumber, open: HashMap<EventId, Vec<u8>>) -> io::Result<Self> {
        let path = segment::path(directory, segment);
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        // Its name is durable too.
        File::open(directory)?.sync_all()?;
        let mut writer =
            Self { segment, file, length: 0, carried: 0, torn: false, unsynced: false, open: HashMap::new() };
        for frame in open.values() {
            writer.append(frame)?;
        }
        writer.carried = writer.length;
        writer.open = open;
        Ok(writer)
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(frame) {
            self.torn = true;
            return Err(error);
        }
        self.length += frame.len() as u64;
        self.unsynced = true;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.unsynced = false;
        Ok(())
    }

    fn position(&self) -> Position {
        Position { segment: self.segment, offset: self.length }
    }
}
