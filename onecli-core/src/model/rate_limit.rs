//! How many requests may pass in how long.

use std::{fmt, str::FromStr, time::Duration};

/// At most so many requests in any window of a length, counted per rule and agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    requests: u32,
    window: Window,
}

/// The length of a window: one second to 31 days, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(u32);

/// Why a rate limit can't be used; the message says how to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidRateLimit {
    #[error("give a limit: a number from 1 to 1000000000")]
    Requests,
    #[error("a window is minute, hour, day or such as 30s, 5m, 12h, 7d; at most 31 days")]
    Window,
}

const SECOND: u32 = 1;
const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;
const LONGEST: u32 = 31 * DAY;
const MOST: u64 = 1_000_000_000;

impl RateLimit {
    /// `requests` in any window of that length.
    ///
    /// # Errors
    /// If there are none or too many.
    pub fn new(requests: u64, window: Window) -> Result<Self, InvalidRateLimit> {
        match u32::try_from(requests) {
            Ok(number) if (1..=MOST).contains(&requests) => Ok(Self { requests: number, window }),
            _ => Err(InvalidRateLimit::Requests),
        }
    }

    /// How many requests may pass.
    #[must_use]
    pub fn requests(self) -> u32 {
        self.requests
    }

    /// In how long.
    #[must_use]
    pub fn window(self) -> Window {
        self.window
    }
}

impl Window {
    /// A window of so many seconds.
    ///
    /// # Errors
    /// If it is empty or longer than 31 days.
    pub fn from_seconds(seconds: u32) -> Result<Self, InvalidRateLimit> {
        match seconds {
            1..=LONGEST => Ok(Self(seconds)),
            _ => Err(InvalidRateLimit::Window),
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// Its length.
    #[must_use]
    pub fn length(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl FromStr for Window {
    type Err = InvalidRateLimit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = match text {
            "minute" => ("1", MINUTE),
            "hour" => ("1", HOUR),
            "day" => ("1", DAY),
            _ => {
                let units = [("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)];
                let mut read =
                    units.iter().filter_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
                read.next().ok_or(InvalidRateLimit::Window)?
            }
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| digits).ok_or(InvalidRateLimit::Window)?;
        number.checked_mul(unit).ok_or(InvalidRateLimit::Window).and_then(Self::from_seconds)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            MINUTE => f.write_str("minute"),
            HOUR => f.write_str("hour"),
            DAY => f.write_str("day"),
            seconds if seconds % DAY == 0 => write!(f, "{}d", seconds / DAY),
            seconds if seconds % HOUR == 0 => write!(f, "{}h", seconds / HOUR),
            seconds if seconds % MINUTE == 0 => write!(f, "{}m", seconds / MINUTE),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RateLimit, Window};

    #[test]
    fn windows_read_and_show() {
        for (text, seconds, shown) in [
            ("minute", 60, "minute"),
            ("60s", 60, "minute"),
            ("1h", 3600, "hour"),
            ("day", 86_400, "day"),
            ("30s", 30, "30s"),
            ("90m", 5400, "90m"),
            ("7d", 604_800, "7d"),
        ] {
            let window: Window = text.parse().unwrap();
            assert_eq!((window.seconds(), window.to_string().as_str()), (seconds, shown));
        }
        for text in ["", "s", "0s", "32d", "1w", "-1s", "+1s", "1.5h", "minutes", "99999999999d"] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_is_from_one_up() {
        let window: Window = "minute".parse().unwrap();
        assert!(RateLimit::new(0, window).is_err() && RateLimit::new(1 << 40, window).is_err());
        assert_eq!(RateLimit::new(20, window).unwrap().requests(), 20);
    }
}
