//! The wall clock, read in one place.

use time::OffsetDateTime;

/// The present time, UTC, in whole microseconds: as precise as it is stored, so that it reads back the same.
#[must_use]
pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    let now = OffsetDateTime::now_utc();
    let excess = now.nanosecond() % 1000;
    now - time::Duration::nanoseconds(excess.into())
}
