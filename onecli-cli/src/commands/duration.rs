//! Lengths of time and points in time on the command line.

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// Reads a length of time such as `90s`, `30m`, `12h` or `7d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let invalid = || "write a length of time such as 90s, 30m, 12h or 7d".to_owned();
    let mut digits = text.chars();
    let seconds = match digits.next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(invalid()),
    };
    let count: u32 = digits.as_str().parse().map_err(|_| invalid())?;
    Ok(Duration::seconds(i64::from(count) * seconds))
}

/// Reads a time such as `2026-01-05T09:30:00Z`, or how long ago it was.
pub(super) fn parse_past(text: &str) -> Result<OffsetDateTime, String> {
    parse_time(text, |now, length| now.checked_sub(length))
}

/// Reads a time such as `2026-01-05T09:30:00Z`, or in how long it will be.
pub(super) fn parse_future(text: &str) -> Result<OffsetDateTime, String> {
    parse_time(text, |now, length| now.checked_add(length))
}

fn parse_time(
    text: &str, from_now: impl FnOnce(OffsetDateTime, Duration) -> Option<OffsetDateTime>,
) -> Result<OffsetDateTime, String> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time);
    }
    #[expect(clippy::disallowed_methods, reason = "the command line speaks of the time of this machine")]
    let now = OffsetDateTime::now_utc();
    parse_duration(text).ok().and_then(|length| from_now(now, length)).ok_or_else(|| {
        "write a time such as 2026-01-05T09:30:00Z, or a length of time such as 30m, 12h or 7d".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::{parse_duration, parse_past};

    #[test]
    fn lengths_and_times() {
        assert_eq!(parse_duration("90s"), Ok(Duration::seconds(90)));
        assert_eq!(parse_duration("7d"), Ok(Duration::days(7)));
        for wrong in ["", "s", "5", "-5m", "1.5h", "5 m", "5µ", "99999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_past("2026-01-05T09:30:00Z"), Ok(datetime!(2026-01-05 09:30 UTC)));
        assert!(parse_past("1h").is_ok() && parse_past("yesterday").is_err());
    }
}
