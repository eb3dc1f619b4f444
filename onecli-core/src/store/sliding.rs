//! Counting in a window that slides.
//!
//! Takings are kept in buckets of a 64th of the window. A bucket counts as long as any moment of it lies in the window,
//! so what is counted is never too little: no window of that length ever holds more than the limit. It may count up to a
//! 64th of a window too long.

use std::time::Duration;

/// Into how many buckets a window is cut.
const BUCKETS: i64 = 64;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Takings of a span of time, in microseconds since 1970: from `start` up to, but not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) takings: u32,
}

/// The moment before which buckets have ended that no longer count at `now`.
pub(crate) fn horizon(now: i64, window_seconds: u32) -> i64 {
    now - i64::from(window_seconds) * MICROS_PER_SECOND
}

/// The span of the bucket into which a taking at `now` goes.
pub(crate) fn span(now: i64, window_seconds: u32) -> (i64, i64) {
    let width = (i64::from(window_seconds) * MICROS_PER_SECOND + BUCKETS - 1) / BUCKETS;
    let start = now.div_euclid(width) * width;
    (start, start + width)
}

/// How many takings count at `now`.
pub(crate) fn used(buckets: &[Bucket], now: i64, window_seconds: u32) -> u32 {
    let horizon = horizon(now, window_seconds);
    // What was taken at a later time counts too: the clock was set back.
    let counting = buckets.iter().filter(|bucket| bucket.end > horizon);
    counting.fold(0, |sum, bucket| sum.saturating_add(bucket.takings))
}

/// How long to wait until one more taking has room under `limit`.
pub(crate) fn wait(buckets: &[Bucket], now: i64, window_seconds: u32, limit: u32) -> Duration {
    let horizon = horizon(now, window_seconds);
    let mut counting: Vec<_> = buckets.iter().filter(|bucket| bucket.end > horizon).collect();
    counting.sort_unstable_by_key(|bucket| bucket.end);
    let mut left = used(buckets, now, window_seconds);
    for bucket in counting {
        left = left.saturating_sub(bucket.takings);
        if left < limit {
            return Duration::from_micros(u64::try_from(bucket.end - horizon).unwrap_or(0));
        }
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bucket, span, used, wait};

    #[derive(Default)]
    struct Counter(Vec<Bucket>);

    impl Counter {
        fn take(&mut self, now: i64, window: u32, limit: u32) -> bool {
            if used(&self.0, now, window) >= limit {
                return false;
            }
            let (start, end) = span(now, window);
            match self.0.iter_mut().find(|bucket| bucket.start == start) {
                Some(bucket) => bucket.takings += 1,
                None => self.0.push(Bucket { start, end, takings: 1 }),
            }
            true
        }
    }

    proptest! {
        /// The plain definition: no window of that length, wherever it begins, holds more than the limit.
        #[test]
        fn no_window_holds_more_than_the_limit(
            steps in prop::collection::vec(0_i64..3_000_000, 1..200), window in 1_u32..5, limit in 1_u32..6,
        ) {
            let mut counter = Counter::default();
            let (mut now, mut taken) = (1_700_000_000_000_000_i64, Vec::new());
            for step in steps {
                now += step;
                if counter.take(now, window, limit) {
                    taken.push(now);
                }
            }
            let length = i64::from(window) * 1_000_000;
            for first in &taken {
                let within = taken.iter().filter(|at| (*first..=first + length).contains(at)).count();
                prop_assert!(within <= limit as usize, "{within} from {first}");
            }
        }

        /// What is refused has room again after the wait that was told, and after a 64th more than a window at the latest.
        #[test]
        fn the_wait_is_long_enough_and_not_too_long(
            steps in prop::collection::vec(0_i64..500_000, 1..50), window in 1_u32..5, limit in 1_u32..4,
        ) {
            let mut counter = Counter::default();
            let mut now = 1_700_000_000_000_000_i64;
            for step in steps {
                now += step;
                if !counter.take(now, window, limit) {
                    let wait = wait(&counter.0, now, window, limit);
                    let micros = i64::try_from(wait.as_micros()).unwrap();
                    let longest = i64::from(window) * 1_000_000;
                    prop_assert!(micros > 0 && micros <= longest + longest / 64 + 1);
                    prop_assert!(used(&counter.0, now + micros, window) < limit);
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_away() {
        let mut counter = Counter::default();
        let now = 1_700_000_000_000_000;
        assert!(counter.take(now, 60, 1));
        assert!(!counter.take(now - 3_600_000_000, 60, 1));
    }
}
