//! One record of the journal: length, checksum, content.

use serde::{Deserialize, Serialize};

use crate::model::AuditEvent;

/// What the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Record<E = AuditEvent> {
    /// A request is about to leave the gateway. Holds the event as it is if nothing more is heard of it.
    Intent(E),
    /// An exchange has ended.
    Finish(E),
}

/// Length and CRC-32 (ISO 3309), each four bytes, little-endian.
const HEAD: usize = 8;
/// Most records are shorter.
const USUAL: usize = 768;
/// No event is near this long; a longer length is damage.
const LONGEST: usize = 1 << 20;

/// Why no record could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The bytes end within the record: it is still being written, or was cut off.
    Incomplete,
    /// The bytes are no record.
    Damaged,
}

pub(super) fn encode(record: Record<&AuditEvent>) -> Result<Vec<u8>, serde_json::Error> {
    let mut frame = Vec::with_capacity(USUAL);
    frame.extend_from_slice(&[0; HEAD]);
    serde_json::to_writer(&mut frame, &record)?;
    let (head, content) = frame.split_at_mut(HEAD);
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    for (place, byte) in
        head.iter_mut().zip(length.to_le_bytes().into_iter().chain(crc32fast::hash(content).to_le_bytes()))
    {
        *place = byte;
    }
    Ok(frame)
}

/// Where the next whole record begins, for going on behind damage.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    // Every record's content begins with one of these.
    let begins = |text: &[u8]| text.starts_with(b"{\"intent\":") || text.starts_with(b"{\"finish\":");
    let contents = memchr::memchr_iter(b'{', bytes).filter(|at| bytes.get(*at..).is_some_and(begins));
    contents
        .filter_map(|at| at.checked_sub(HEAD))
        .find(|at| bytes.get(*at..).is_some_and(|text| decode(text).is_ok()))
}

/// Reads the record at the start of `bytes`, and how long it is.
pub(super) fn decode(bytes: &[u8]) -> Result<(Record, usize), Unreadable> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Unreadable::Incomplete)?;
    let (checksum, rest) = rest.split_first_chunk::<4>().ok_or(Unreadable::Incomplete)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Unreadable::Damaged)?;
    if length > LONGEST {
        return Err(Unreadable::Damaged);
    }
    let content = rest.get(..length).ok_or(Unreadable::Incomplete)?;
    if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
        return Err(Unreadable::Damaged);
    }
    let record = serde_json::from_slice(content).map_err(|_| Unreadable::Damaged)?;
    Ok((record, HEAD + length))
}
