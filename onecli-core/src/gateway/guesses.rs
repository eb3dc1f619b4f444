//! Tokens that are guessed.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;

/// Counts wrong tokens by the address that they come from. Past a limit they are answered with 429, and their connection is closed. A
/// token that is right passes all the same: it has 256 random bits, which nobody guesses, and agents that share an address (of a
/// container's host, of a company) must not be locked out by one of them.
#[derive(Debug)]
pub(super) struct Guesses {
    wrong: Cache<IpAddr, Arc<AtomicU32>>,
}

/// Wrong tokens of an address in a time.
const MOST: u32 = 30;
pub(super) const TIME: Duration = Duration::from_secs(60);
/// Addresses that are counted at once.
const ADDRESSES: u64 = 10_000;

impl Default for Guesses {
    fn default() -> Self {
        Self { wrong: Cache::builder().max_capacity(ADDRESSES).time_to_live(TIME).build() }
    }
}

impl Guesses {
    /// One more was wrong. Answers with whether there were too many.
    pub(super) fn is_too_many(&self, source: IpAddr) -> bool {
        let wrong = self.wrong.get_with(network(source), Arc::default).fetch_add(1, Ordering::Relaxed);
        if wrong == MOST {
            tracing::warn!(%source, "many wrong access tokens come from this address; they are answered with 429 for a minute");
        }
        wrong >= MOST
    }
}

/// Who has one address of IPv6 has a network of them.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::{Guesses, MOST, network};

    #[test]
    fn each_address_is_counted_by_itself() {
        let guesses = Guesses::default();
        let (here, elsewhere) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!((0..MOST).all(|_| !guesses.is_too_many(here)));
        assert!(guesses.is_too_many(here) && !guesses.is_too_many(elsewhere));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
