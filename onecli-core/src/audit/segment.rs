//! The files of a journal, and reading them.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::frame::{self, Record, Unreadable};

/// The number of a segment; later ones have greater numbers.
pub(super) type SegmentNumber = u64;

pub(super) fn path(directory: &Path, number: SegmentNumber) -> PathBuf {
    directory.join(format!("{number:010}.journal"))
}

/// The segments of a directory, oldest first.
pub(super) fn list(directory: &Path) -> io::Result<Vec<SegmentNumber>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".journal"));
        numbers.extend(stem.and_then(|stem| stem.parse::<SegmentNumber>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads the records of a segment in order, also while it grows.
#[derive(Debug)]
pub(super) struct SegmentReader {
    path: PathBuf,
    offset: u64,
    damaged: bool,
}

/// How much is read at once.
const CHUNK: u64 = 1 << 20;

impl SegmentReader {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, damaged: false }
    }

    /// The byte up to which it has read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Removes the segment. One that is damaged is kept aside under another name: something may be read from it by hand.
    pub(super) fn discard(&self) -> io::Result<()> {
        match self.damaged {
            true => fs::rename(&self.path, self.path.with_extension("journal.damaged")),
            false => fs::remove_file(&self.path),
        }
    }

    /// The next records, as many as a chunk holds; none at the present end. Damage is skipped to the end of the
    /// segment, and logged.
    pub(super) fn read(&mut self) -> io::Result<Vec<Record>> {
        let mut size = CHUNK;
        loop {
            let bytes = self.chunk(size)?;
            let (records, stopped_by) = self.decode(&bytes);
            match stopped_by {
                // A record longer than a chunk.
                Some(Unreadable::Incomplete) if records.is_empty() && bytes.len() as u64 == size => size *= 2,
                Some(Unreadable::Damaged) if records.is_empty() => {
                    let length = fs::metadata(&self.path)?.len();
                    tracing::error!(
                        file = %self.path.display(), offset = self.offset, bytes = length - self.offset,
                        "the audit journal is damaged: the records behind this place can't be read; the file is kept aside"
                    );
                    self.damaged = true;
                    self.offset = length;
                    return Ok(records);
                }
                _ => return Ok(records),
            }
        }
    }

    fn chunk(&self, size: u64) -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn decode(&mut self, mut bytes: &[u8]) -> (Vec<Record>, Option<Unreadable>) {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            match frame::decode(bytes) {
                Ok((record, length)) => {
                    records.push(record);
                    self.offset += length as u64;
                    bytes = bytes.get(length..).unwrap_or_default();
                }
                Err(unreadable) => return (records, Some(unreadable)),
            }
        }
        (records, None)
    }
}
