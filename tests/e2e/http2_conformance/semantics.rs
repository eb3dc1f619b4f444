//! Requests that are malformed (RFC 9113 8.1.1).

use onecli_tests::raw_http2::{END_HEADERS, END_STREAM, HEADERS, fields, frame};

use super::{
    case::{Case, Must::Malformed, case},
    sent::{HOST, data, only, post, with},
};

const GET: (&str, &str) = (":method", "GET");
const CONNECT: (&str, &str) = (":method", "CONNECT");
const HTTPS: (&str, &str) = (":scheme", "https");
const HERE: (&str, &str) = (":authority", HOST);
const ROOT: (&str, &str) = (":path", "/");
const WEBSOCKET: (&str, &str) = (":protocol", "websocket");

/// A request with another path.
fn to(path: &str) -> Vec<u8> {
    only(&[GET, HTTPS, HERE, (":path", path)])
}

/// Content that says how long it is, in frames.
fn content(length: &str, frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = post(&[("content-length", length)]);
    for (place, payload) in frames.iter().enumerate() {
        bytes.extend(data(if place + 1 == frames.len() { END_STREAM } else { 0 }, payload));
    }
    bytes
}

/// A request with content and trailers.
fn ending(trailers: &[(&str, &str)]) -> Vec<u8> {
    [post(&[]), data(0, b"abcd"), only(trailers)].concat()
}

pub(super) const CASES: &[Case] = &[
    case(
        "9113 8.1 trailers without an end",
        || [post(&[]), frame(HEADERS, END_HEADERS, 1, &fields([("x-sum", "1")]))].concat(),
        Malformed,
    ),
    case("9113 8.1 a pseudo-header field in trailers", || ending(&[ROOT]), Malformed),
    case("9113 8.1.1 a content-length above the content", || content("8", &[b"abcd"]), Malformed),
    case("9113 8.1.1 a content-length below the content", || content("2", &[b"abcd"]), Malformed),
    case("9113 8.1.1 a content-length above several frames", || content("8", &[b"ab", b"cd"]), Malformed),
    case("9113 8.1.1 a content-length below several frames", || content("3", &[b"ab", b"cd"]), Malformed),
    case("9113 8.1.1 a content-length without content", || with(&[("content-length", "4")]), Malformed),
    case(
        "9113 8.1.1 a content-length above the content, and trailers",
        || [post(&[("content-length", "8")]), data(0, b"abcd"), only(&[("x-sum", "1")])].concat(),
        Malformed,
    ),
    case("9110 8.6 a content-length with a sign", || content("+4", &[b"abcd"]), Malformed),
    case("9110 8.6 a content-length that is no number", || content("four", &[b"abcd"]), Malformed),
    case(
        "9110 8.6 two content-lengths",
        || {
            let head = post(&[("content-length", "4"), ("content-length", "5")]);
            [head, data(END_STREAM, b"abcd")].concat()
        },
        Malformed,
    ),
    case("9113 8.2 a capital in a name", || with(&[("X-A", "1")]), Malformed),
    case("9113 8.2 a capital in a name in trailers", || ending(&[("X-A", "1")]), Malformed),
    case("9113 8.2.1 a space in a name", || with(&[("x a", "1")]), Malformed),
    case("9113 8.2.1 a control character in a name", || with(&[("x\u{1}a", "1")]), Malformed),
    case("9113 8.2.1 DEL in a name", || with(&[("x\u{7f}a", "1")]), Malformed),
    case("9113 8.2.1 a letter beyond ASCII in a name", || with(&[("x\u{e4}", "1")]), Malformed),
    case("9113 8.2.1 a colon in a name", || with(&[("x:a", "1")]), Malformed),
    case("9113 8.2.1 a name without a letter", || with(&[("", "1")]), Malformed),
    case("9113 8.2.1 NUL in a value", || with(&[("x-a", "1\u{0}2")]), Malformed),
    case("9113 8.2.1 a line feed in a value", || with(&[("x-a", "1\n2")]), Malformed),
    case("9113 8.2.1 a carriage return in a value", || with(&[("x-a", "1\r2")]), Malformed),
    case("9113 8.2.1 a space before a value", || with(&[("x-a", " 1")]), Malformed),
    case("9113 8.2.1 a tab behind a value", || with(&[("x-a", "1\t")]), Malformed),
    case("9113 8.2.2 connection", || with(&[("connection", "close")]), Malformed),
    case("9113 8.2.2 keep-alive", || with(&[("keep-alive", "5")]), Malformed),
    case("9113 8.2.2 proxy-connection", || with(&[("proxy-connection", "close")]), Malformed),
    case("9113 8.2.2 transfer-encoding", || with(&[("transfer-encoding", "chunked")]), Malformed),
    case("9113 8.2.2 upgrade", || with(&[("upgrade", "h2c")]), Malformed),
    case("9113 8.2.2 te with a coding", || with(&[("te", "gzip")]), Malformed),
    case("9113 8.2.2 te with more than trailers", || with(&[("te", "trailers, gzip")]), Malformed),
    case("9113 8.2.2 connection in trailers", || ending(&[("connection", "close")]), Malformed),
    case(
        "9113 8.3 an undefined pseudo-header field",
        || only(&[GET, HTTPS, HERE, ROOT, (":test", "1")]),
        Malformed,
    ),
    case("9113 8.3 :status in a request", || only(&[GET, HTTPS, HERE, ROOT, (":status", "200")]), Malformed),
    case(
        "9113 8.3 a pseudo-header field behind another one",
        || only(&[GET, HTTPS, HERE, ("x-a", "1"), ROOT]),
        Malformed,
    ),
    case("9113 8.3 :method twice", || only(&[GET, GET, HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.3 :scheme twice", || only(&[GET, HTTPS, HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.3 :authority twice", || only(&[GET, HTTPS, HERE, HERE, ROOT]), Malformed),
    case("9113 8.3 :path twice", || only(&[GET, HTTPS, HERE, ROOT, ROOT]), Malformed),
    case("9113 8.3.1 no :method", || only(&[HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.3.1 no :scheme", || only(&[GET, HERE, ROOT]), Malformed),
    case("9113 8.3.1 no :path", || only(&[GET, HTTPS, HERE]), Malformed),
    case("9113 8.3.1 neither :authority nor Host", || only(&[GET, HTTPS, ROOT]), Malformed),
    case("9113 8.3.1 an empty :method", || only(&[(":method", ""), HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.3.1 a space in :method", || only(&[(":method", "GE T"), HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.3.1 a space in :scheme", || only(&[GET, (":scheme", "ht tps"), HERE, ROOT]), Malformed),
    case(
        "9113 8.3.1 a user in :authority",
        || only(&[GET, HTTPS, (":authority", "me@api.test"), ROOT]),
        Malformed,
    ),
    case("9113 8.3.1 Host that is not :authority", || with(&[("host", "other.test")]), Malformed),
    case("9113 8.3.1 an empty :path", || to(""), Malformed),
    case("9113 8.3.1 :path without a slash", || to("bytes/7"), Malformed),
    case("9113 8.3.1 :path with a whole URL", || to("https://api.test/"), Malformed),
    case("9113 8.3.1 :path with a space", || to("/a b"), Malformed),
    case("9113 8.3.1 :path with a fragment", || to("/#a"), Malformed),
    case("9113 8.3.1 an asterisk without OPTIONS", || to("*"), Malformed),
    case("9113 8.5 CONNECT with :scheme and :path", || only(&[CONNECT, HTTPS, HERE, ROOT]), Malformed),
    case("9113 8.5 CONNECT without :authority", || only(&[CONNECT]), Malformed),
    case("8441 4 :protocol without CONNECT", || only(&[GET, HTTPS, HERE, ROOT, WEBSOCKET]), Malformed),
    case("8441 4 :protocol without :scheme", || only(&[CONNECT, HERE, ROOT, WEBSOCKET]), Malformed),
    case("8441 4 :protocol without :path", || only(&[CONNECT, HTTPS, HERE, WEBSOCKET]), Malformed),
];
