//! Which header fields are passed on.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields that belong to one connection (RFC 9110 7.6.1), and those that agents send to proxies.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The prefix of fields between agents and the gateway.
const OWN: &str = "x-onecli-";

/// Takes away what was for the connection to the gateway. Comes before secrets are put in, so that an agent can't have
/// one taken away by naming its header in `Connection`.
pub(super) fn strip_request(headers: &mut HeaderMap) {
    let trailers = wants_trailers(headers);
    strip_hop_by_hop(headers);
    headers.remove(header::HOST);
    // One framing: the length is written anew from the body.
    headers.remove(header::CONTENT_LENGTH);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    join_cookies(headers);
}

/// Takes away what was for the gateway alone, once the rules have seen it.
pub(super) fn strip_own(headers: &mut HeaderMap) {
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(OWN)).cloned().collect();
    for name in own {
        headers.remove(name);
    }
}

/// Takes away what was for the connection to the service, and what only the gateway itself may say.
pub(super) fn strip_response(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    strip_own(headers);
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Whether `Connection` says that the protocol is to change.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TE).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// HTTP/2 splits cookies over several fields; outside of it there is one (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{strip_own, strip_request, strip_response};

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn what_belongs_to_the_connection_stays_here() {
        let mut headers = map(&[
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "1"),
            ("proxy-authorization", "Bearer aoc_x"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip, trailers"),
            ("upgrade", "h2c"),
            ("host", "a.test"),
            ("accept", "*/*"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-onecli-secret", "one"),
        ]);
        strip_request(&mut headers);
        assert!(headers.contains_key("x-onecli-secret"));
        strip_own(&mut headers);
        assert_eq!(headers, map(&[("accept", "*/*"), ("cookie", "a=1; b=2"), ("te", "trailers")]));
    }

    #[test]
    fn a_service_cannot_speak_as_the_gateway() {
        let mut headers = map(&[
            ("x-onecli-error", "blocked_by_policy"),
            ("connection", "x-b"),
            ("x-b", "1"),
            ("etag", "x"),
        ]);
        strip_response(&mut headers);
        assert_eq!(headers, map(&[("etag", "x")]));
    }
}
