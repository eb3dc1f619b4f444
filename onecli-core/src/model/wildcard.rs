//! `*` in patterns, matched in time linear in the length of the input.

use memchr::memmem::Finder;

/// A text in which each `*` stands for a run of at least `min_run` bytes.
///
/// The parts between stars are looked for from left to right, each at its first place after the one before:
/// with no other metacharacter that finds a match if there is one, and never looks back.
#[derive(Clone, Debug)]
pub(super) struct Wildcard {
    prefix: Box<[u8]>,
    /// Absent when the pattern holds no star.
    tail: Option<Tail>,
    min_run: usize,
}

#[derive(Clone, Debug)]
struct Tail {
    middle: Vec<Finder<'static>>,
    suffix: Box<[u8]>,
}

impl Wildcard {
    pub(super) fn new(pattern: &str, min_run: usize) -> Self {
        Self::between(pattern.split('*').map(str::as_bytes), min_run)
    }

    /// A pattern of the texts between its stars.
    pub(super) fn between<'a>(mut parts: impl DoubleEndedIterator<Item = &'a [u8]>, min_run: usize) -> Self {
        let prefix = parts.next().unwrap_or_default().into();
        let tail = parts.next_back().map(|suffix| Tail {
            // An empty part asks for nothing but the shortest run of its star.
            middle: parts
                .filter(|part| min_run > 0 || !part.is_empty())
                .map(|part| Finder::new(part).into_owned())
                .collect(),
            suffix: suffix.into(),
        });
        Self { prefix, tail, min_run }
    }

    pub(super) fn matches(&self, input: &[u8]) -> bool {
        let Some(tail) = &self.tail else { return *input == *self.prefix };
        let Some(mut rest) = input.strip_prefix(&*self.prefix) else { return false };
        for part in &tail.middle {
            let Some(after_run) = rest.get(self.min_run..) else { return false };
            let Some(at) = part.find(after_run) else { return false };
            let Some(after) = after_run.get(at + part.needle().len()..) else { return false };
            rest = after;
        }
        rest.len() >= self.min_run + tail.suffix.len() && rest.ends_with(&tail.suffix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Wildcard;

    /// The definition, slow and plain.
    fn reference(pattern: &[u8], input: &[u8], min_run: usize) -> bool {
        match pattern.split_first() {
            None => input.is_empty(),
            Some((b'*', rest)) => (min_run..=input.len()).any(|run| reference(rest, &input[run..], min_run)),
            Some((byte, rest)) => input.first() == Some(byte) && reference(rest, &input[1..], min_run),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            pattern in "[ab*]{0,8}", input in "[ab]{0,12}", min_run in 0usize..=1,
        ) {
            prop_assert_eq!(
                Wildcard::new(&pattern, min_run).matches(input.as_bytes()),
                reference(pattern.as_bytes(), input.as_bytes(), min_run)
            );
        }
    }
}
