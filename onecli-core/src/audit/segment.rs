//! The files of a journal, and reading them.

use std::{
    fs, io,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::frame::{self, Record, Unreadable};

/// The number of a segment; later ones have greater numbers.
pub(super) type SegmentNumber = u64;

/// A place in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) segment: SegmentNumber,
    pub(super) offset: u64,
}

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

    /// Goes on at this byte, if it is not further already.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.offset = self.offset.max(offset);
    }

    /// Removes the segment. One that is damaged is kept aside under another name: something may be read from it by hand.
    pub(super) fn discard(&self) -> io::Result<()> {
        match self.damaged {
            true => fs::rename(&self.path, self.path.with_extension("journal.damaged")),
            false => fs::remove_file(&self.path),
        }
    }

    /// The next records, as many as a chunk holds; none at the present end. Damage is skipped up to the next whole
    /// record, and logged. In a segment that is `closed`, and grows no more, a record that is cut off is damage too.
    pub(super) fn read(&mut self, closed: bool) -> io::Result<Vec<Record>> {
        let mut size = CHUNK;
        loop {
            let bytes = self.chunk(size)?;
            let (records, stopped_by) = self.decode(&bytes);
            match stopped_by {
                // A record longer than a chunk.
                Some(Unreadable::Incomplete) if records.is_empty() && bytes.len() as u64 == size => size *= 2,
                Some(unreadable) if records.is_empty() && (closed || unreadable == Unreadable::Damaged) => {
                    self.skip_damage()?;
                }
                _ => return Ok(records),
            }
        }
    }

    fn skip_damage(&mut self) -> io::Result<()> {
        let rest = self.chunk(u64::MAX)?;
        let next = rest.get(1..).and_then(frame::find).map(|at| at + 1);
        let skipped = next.unwrap_or(rest.len());
        tracing::error!(
            file = %self.path.display(), offset = self.offset, bytes = skipped,
            "the audit journal is damaged: these bytes hold no whole record; the file is kept aside"
        );
        self.damaged = true;
        self.offset += skipped as u64;
        Ok(())
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
