//! Finds what is about a host without looking at everything.

use rpds::HashTrieMapSync;

use crate::model::HostPattern;

/// Entries by host pattern: exact hosts and leading wildcards in maps, the rest in a list. A copy shares what it has in common.
#[derive(Clone, Debug)]
pub struct HostIndex<T> {
    exact: HashTrieMapSync<Box<str>, Vec<T>>,
    below: HashTrieMapSync<Box<str>, Vec<T>>,
    rest: Vec<(HostPattern, T)>,
}

impl<T> Default for HostIndex<T> {
    fn default() -> Self {
        Self { exact: HashTrieMapSync::new_sync(), below: HashTrieMapSync::new_sync(), rest: Vec::new() }
    }
}

impl<T: Clone> HostIndex<T> {
    pub(super) fn insert(&mut self, pattern: &HostPattern, entry: T) {
        if let Some(host) = pattern.exact_host() {
            add(&mut self.exact, host, entry);
        } else if let Some(suffix) = pattern.wildcard_suffix() {
            add(&mut self.below, suffix, entry);
        } else {
            self.rest.push((pattern.clone(), entry));
        }
    }

    /// Removes the entries under a pattern for which `is_gone` holds.
    pub(super) fn remove(&mut self, pattern: &HostPattern, is_gone: impl Fn(&T) -> bool) {
        if let Some(host) = pattern.exact_host() {
            take(&mut self.exact, host, is_gone);
        } else if let Some(suffix) = pattern.wildcard_suffix() {
            take(&mut self.below, suffix, is_gone);
        } else {
            self.rest.retain(|(_, entry)| !is_gone(entry));
        }
    }

    /// Every entry whose host pattern matches `host`, whatever its port.
    pub fn find<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a T> {
        let exact = self.exact.get(host).into_iter().flatten();
        let suffixes =
            host.match_indices('.').filter(|(at, _)| *at > 0).filter_map(|(at, _)| host.get(at + 1..));
        let below = suffixes.filter_map(|suffix| self.below.get(suffix)).flatten();
        let rest = self.rest.iter().filter(|(pattern, _)| pattern.matches_host(host)).map(|(_, entry)| entry);
        exact.chain(below).chain(rest)
    }
}

fn add<T: Clone>(map: &mut HashTrieMapSync<Box<str>, Vec<T>>, key: &str, entry: T) {
    match map.get_mut(key) {
        Some(entries) => entries.push(entry),
        None => {
            map.insert_mut(key.into(), vec![entry]);
        }
    }
}

fn take<T: Clone>(map: &mut HashTrieMapSync<Box<str>, Vec<T>>, key: &str, is_gone: impl Fn(&T) -> bool) {
    let Some(entries) = map.get_mut(key) else { return };
    entries.retain(|entry| !is_gone(entry));
    if entries.is_empty() {
        map.remove_mut(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::HostIndex;
    use crate::model::HostPattern;

    proptest! {
        #[test]
        fn finds_what_the_patterns_match(
            patterns in prop::collection::vec(r"\*|(\*\.|\*|a\*\.)?([ab]{1,2}\.){0,2}[ab]", 1..8),
            host in r"([ab]{0,2}\.){0,3}[ab]",
        ) {
            let patterns: Vec<HostPattern> = patterns.iter().filter_map(|text| text.parse().ok()).collect();
            let mut index = HostIndex::default();
            for (number, pattern) in patterns.iter().enumerate() {
                index.insert(pattern, number);
            }
            let mut found: Vec<usize> = index.find(&host).copied().collect();
            found.sort_unstable();
            let expected: Vec<usize> = patterns.iter().enumerate()
                .filter(|(_, pattern)| pattern.matches_host(&host)).map(|(number, _)| number).collect();
            prop_assert_eq!(&found, &expected);
            // Each can be taken out again, and only it.
            let whole = index.clone();
            for (number, pattern) in patterns.iter().enumerate() {
                index.remove(pattern, |entry| *entry == number);
                let left = patterns.iter().enumerate().skip(number + 1);
                let left = left.filter(|(_, pattern)| pattern.matches_host(&host)).count();
                prop_assert_eq!(index.find(&host).count(), left);
            }
            prop_assert_eq!(whole.find(&host).count(), expected.len());
        }
    }
}
