//! The wall clock, read in one place.

use time::OffsetDateTime;

/// The present time, UTC.
#[must_use]
pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    OffsetDateTime::now_utc()
}
