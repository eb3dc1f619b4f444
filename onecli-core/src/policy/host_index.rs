//! Finds what is about a host without looking at everything.

use std::collections::HashMap;

use crate::model::HostPattern;

/// Entries by host pattern: exact hosts and leading wildcards in maps, the rest in a list.
#[derive(Debug)]
pub struct HostIndex<T> {
    exact: HashMap<Box<str>, Vec<T>>,
    below: HashMap<Box<str>, Vec<T>>,
    rest: Vec<(HostPattern, T)>,
}

impl<T> Default for HostIndex<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new(), rest: Vec::new() }
    }
}

impl<T> HostIndex<T> {
    pub(super) fn insert(&mut self, pattern: &HostPattern, entry: T) {
        if let Some(host) = pattern.exact_host() {
            self.exact.entry(host.into()).or_default().push(entry);
        } else if let Some(suffix) = pattern.wildcard_suffix() {
            self.below.entry(suffix.into()).or_default().push(entry);
        } else {
            self.rest.push((pattern.clone(), entry));
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
            prop_assert_eq!(found, expected);
        }
    }
}
