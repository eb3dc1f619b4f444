//! One parameter of a query, put in the place of others of its name.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// How often a name is decoded until it stands still; more is nobody's.
const DEEPEST: usize = 8;

/// The query with `name=encoded` in the place of every parameter of that name in whatever encoding, and what the first of
/// those held.
pub(super) fn replace_parameter(query: Option<&str>, name: &str, encoded: &str) -> (String, String) {
    let parameter = format!("{}={encoded}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let mut sent = None;
    let mut kept: Vec<&str> = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if is_named(key, name) {
            sent.get_or_insert(value);
        } else {
            kept.push(pair);
        }
    }
    kept.push(&parameter);
    (kept.join("&"), sent.unwrap_or_default().to_owned())
}

fn is_named(key: &str, name: &str) -> bool {
    let mut text = key.to_owned();
    for _ in 0..DEEPEST {
        if text.eq_ignore_ascii_case(name) {
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
        ] {
            assert_eq!(
                replace_parameter(query, "key", "new"),
                (expected.to_owned(), sent.to_owned()),
                "{query:?}"
            );
        }
    }
}
