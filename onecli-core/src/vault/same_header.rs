//! Header names that services may take for one another.

use http::{HeaderMap, HeaderName};

/// Removes a header in every spelling. CGI and its heirs (RFC 3875 4.1.18) hand `X-Api-Key` and `X_Api_Key` on under one name,
/// so one of them could stand beside the other.
pub(crate) fn remove_every_spelling(headers: &mut HeaderMap, name: &HeaderName) {
    headers.remove(name);
    if name.as_str().contains(['-', '_']) {
        let others: Vec<HeaderName> = headers.keys().filter(|other| is_same(other, name)).cloned().collect();
        for other in others {
            headers.remove(other);
        }
    }
}

fn is_same(one: &HeaderName, other: &HeaderName) -> bool {
    let folded = |name: &HeaderName| name.as_str().replace('_', "-");
    folded(one) == folded(other)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::remove_every_spelling;

    #[test]
    fn hyphens_and_underscores_are_the_same() {
        let mut headers = HeaderMap::new();
        for name in ["x-api-key", "x_api_key", "x-api_key", "x-api-key-", "xapikey"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("mine"));
        }
        remove_every_spelling(&mut headers, &HeaderName::from_static("x-api-key"));
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-api-key-", "xapikey"]);
    }
}
