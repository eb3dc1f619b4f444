//! Tokens that are guessed.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;

use crate::{policy::Snapshot, store::TokenHash};

/// Counts wrong tokens by the address that they come from. Past a limit only tokens that were right before are looked at from there:
/// others there go on, and whoever guesses learns nothing.
#[derive(Debug)]
pub(super) struct Guesses {
    wrong: Cache<IpAddr, Arc<AtomicU32>>,
    known: Mutex<HashSet<TokenHash>>,
}

/// Wrong tokens of an address that are looked at in a time.
const MOST: u32 = 30;
pub(super) const TIME: Duration = Duration::from_secs(60);
/// Addresses that are counted at once.
const ADDRESSES: u64 = 10_000;
/// Past so many known tokens those that are no longer valid are forgotten.
const KNOWN: usize = 1_000;

impl Default for Guesses {
    fn default() -> Self {
        let wrong = Cache::builder().max_capacity(ADDRESSES).time_to_live(TIME).build();
        Self { wrong, known: Mutex::default() }
    }
}

impl Guesses {
    /// Whether this token is looked at.
    pub(super) fn may_try(&self, source: IpAddr, token: &TokenHash) -> bool {
        let wrong = self.wrong.get(&network(source)).map_or(0, |wrong| wrong.load(Ordering::Relaxed));
        wrong < MOST || self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(token)
    }

    /// It was wrong.
    pub(super) fn is_wrong(&self, source: IpAddr) {
        let wrong = self.wrong.get_with(network(source), Arc::default);
        if wrong.fetch_add(1, Ordering::Relaxed) + 1 == MOST {
            tracing::warn!(%source, "many wrong access tokens come from this address; only known ones are looked at for a minute");
        }
    }

    /// It was right.
    pub(super) fn is_right(&self, token: &TokenHash, snapshot: &Snapshot) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(token) {
            return;
        }
        if known.len() >= KNOWN {
            known.retain(|token| snapshot.agent(token).is_some());
        }
        known.insert(*token);
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
    use crate::{
        policy::Snapshot,
        store::{PolicyRows, TokenHash},
    };

    #[test]
    fn past_the_limit_only_known_tokens_count() {
        let (guesses, snapshot) = (Guesses::default(), Snapshot::compile(PolicyRows::default()).unwrap());
        let (here, elsewhere) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let (known, other) = (TokenHash([1; 32]), TokenHash([2; 32]));
        guesses.is_right(&known, &snapshot);
        for _ in 0..MOST {
            assert!(guesses.may_try(here, &other));
            guesses.is_wrong(here);
        }
        assert!(!guesses.may_try(here, &other));
        assert!(guesses.may_try(here, &known) && guesses.may_try(elsewhere, &other));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
