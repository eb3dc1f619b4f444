//! One parameter of a query, put in the place of others of its name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::model::is_same_parameter;

/// Unreserved characters stay as they are (RFC 3986 2.3): not every service decodes names.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How often a name is decoded until it stands still; more is nobody's.
const DEEPEST: usize = 8;

/// The query with `name=encoded` in the place of every parameter of that name in whatever encoding, and what the first of
/// those held.
pub(super) fn replace_parameter(query: Option<&str>, name: &str, encoded: &str) -> (String, String) {
    let parameter = format!("{}={encoded}", utf8_percent_encode(name, &RESERVED));
    let mut sent = None;
    let mut kept: Vec<String> = Vec::new();
    for part in query.into_iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty()) {
        // Some services cut at `;` too.
        let (ours, others): (Vec<&str>, Vec<&str>) =
            part.split(';').partition(|pair| is_named(pair.split('=').next().unwrap_or_default(), name));
        if let Some(first) = ours.first() {
            sent.get_or_insert(first.split_once('=').map_or("", |(_, value)| value));
        }
        if !others.is_empty() {
            kept.push(others.join(";"));
        }
    }
    kept.push(parameter);
    (kept.join("&"), sent.unwrap_or_default().to_owned())
}

fn is_named(key: &str, name: &str) -> bool {
    let mut text = key.to_owned();
    for _ in 0..DEEPEST {
        if is_same_parameter(&text, name) || is_same_parameter(&text.replace('+', " "), name) {
            return true;
        }
        let decoded = percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    // Encoded so often that services may differ about it: not passed on beside ours.
    true
}

#[cfg(test)]
mod tests {
    use super::replace_parameter;

    #[test]
    fn takes_the_place_of_every_spelling() {
        for (query, expected, sent) in [
            (None, "key=new", ""),
            (Some(""), "key=new", ""),
            (Some("a=1&key=old&b=2"), "a=1&b=2&key=new", "old"),
            (Some("k%65y=old&%2565ey=x&KEY=older"), "%2565ey=x&key=new", "old"),
            (Some("key&key=2"), "key=new", ""),
            (Some("%6b%65%79=1"), "key=new", "1"),
            (Some("%256bey=1"), "key=new", "1"),
            (Some("keys=1"), "keys=1&key=new", ""),
            (Some("a=1;key=old"), "a=1&key=new", "old"),
            (Some("key=old;a=1;b&c"), "a=1;b&c&key=new", "old"),
            (Some("a=1%3Bkey=old"), "a=1%3Bkey=old&key=new", ""),
            (Some("key[]=1&+key=2&key%5B0%5D=3"), "key=new", "1"),
        ] {
            assert_eq!(
                replace_parameter(query, "key", "new"),
                (expected.to_owned(), sent.to_owned()),
                "{query:?}"
            );
        }
    }
}
