//! Looking for texts in a request's body.

mod coding;
mod judging;
mod read;
mod search;

pub(super) use coding::Coding;
pub(super) use judging::Judging;
#[cfg(fuzzing)]
pub(super) use read::Beginning;
pub(super) use read::read;
pub(super) use search::Findings;

/// The most of a body that is read for conditions, in bytes.
pub(super) const LONGEST: usize = 1024 * 1024;
