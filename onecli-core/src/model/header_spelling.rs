//! Header names that services may take for one another.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether CGI and its heirs (RFC 3875 4.1.18) hand both on under one name: `X-Api-Key` and `X_Api_Key`.
pub(crate) fn is_same_header(one: &HeaderName, other: &HeaderName) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.as_str().len() == other.as_str().len()
        && one.as_str().bytes().map(fold).eq(other.as_str().bytes().map(fold))
}

/// The values of a header in every spelling.
pub(crate) fn in_every_spelling<'a>(
    headers: &'a HeaderMap, name: &HeaderName,
) -> impl Iterator<Item = &'a HeaderValue> {
    headers.iter().filter(move |(other, _)| is_same_header(other, name)).map(|(_, value)| value)
}

/// Removes a header in every spelling, so that none stands beside what is put in.
pub(crate) fn remove_every_spelling(headers: &mut HeaderMap, name: &HeaderName) {
    headers.remove(name);
    if name.as_str().contains(['-', '_']) {
        let is_other = |other: &&HeaderName| is_same_header(other, name);
        let others: Vec<HeaderName> = headers.keys().filter(is_other).cloned().collect();
        for other in others {
            headers.remove(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{in_every_spelling, remove_every_spelling};

    #[test]
    fn hyphens_and_underscores_are_the_same() {
        let mut headers = HeaderMap::new();
        for name in ["x-api-key", "x_api_key", "x-api_key", "x-api-key-", "xapikey"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("mine"));
        }
        let name = HeaderName::from_static("x-api-key");
        assert_eq!(in_every_spelling(&headers, &name).count(), 3);
        remove_every_spelling(&mut headers, &name);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-api-key-", "xapikey"]);
    }
}
