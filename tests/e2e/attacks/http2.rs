//! HTTP/2 that no client sends, towards a service that speaks HTTP/1.1: nothing of it becomes another request.

use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    raw_http2::{
        Answer, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, RawHttp2, fields,
        frame,
    },
    raw_origin::{ANSWER, RawOrigin},
};

use super::table::{Row, shown};

/// What must become of a request.
#[derive(Clone, Copy)]
enum Must {
    /// The stream is reset or the connection closed, before there is a request.
    Close,
    /// The gateway answers with this code.
    Refuse(&'static str),
    /// This arrives at the service, beside `Host` and what is put in.
    Arrive(&'static str),
}

use Must::{Arrive, Close, Refuse};

type Fields = &'static [(&'static str, &'static str)];

const GET: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const HTTPS: (&str, &str) = (":scheme", "https");
const HERE: (&str, &str) = (":authority", "a.test");
const PATH: (&str, &str) = (":path", "/a");

/// Row, fields, body, trailers, and what must become of it.
const REQUESTS: &[(&str, Fields, &str, Fields, Must)] = &[
    ("A23", &[GET, HTTPS, HERE, PATH, ("host", "b.test")], "", &[], Refuse("bad_request")),
    ("A23b", &[GET, HTTPS, (":authority", "b.test"), PATH], "", &[], Refuse("host_mismatch")),
    ("A23c", &[GET, HTTPS, PATH, ("host", "b.test")], "", &[], Refuse("host_mismatch")),
    ("A23d", &[GET, HTTPS, PATH], "", &[], Refuse("bad_request")),
    ("A23e", &[GET, HTTPS, (":authority", "a.test@b.test"), PATH], "", &[], Refuse("bad_request")),
    ("A23f", &[GET, (":scheme", "http"), HERE, PATH], "", &[], Refuse("host_mismatch")),
    ("A23g", &[GET, HTTPS, HERE, (":path", "https://b.test/")], "", &[], Close),
    ("A23h", &[GET, HTTPS, HERE, (":path", "*")], "", &[], Refuse("bad_request")),
    ("A23i", &[GET, HTTPS, HERE, (":path", "//b.test/")], "", &[], Arrive("GET //b.test/ HTTP/1.1\r\n")),
    ("A23j", &[GET, HTTPS, HERE, (":authority", "b.test"), PATH], "", &[], Close),
    ("A23k", &[GET, HTTPS, (":authority", ""), PATH], "", &[], Close),
    (
        "A23l",
        &[GET, HTTPS, HERE, PATH, ("host", "a.test"), ("host", "a.test")],
        "",
        &[],
        Refuse("bad_request"),
    ),
    ("A23m", &[(":method", "CONNECT"), (":authority", "b.test:443")], "", &[], Refuse("host_mismatch")),
    (
        "A23n",
        &[(":method", "CONNECT"), HTTPS, HERE, PATH, (":protocol", "connect-udp")],
        "",
        &[],
        Refuse("bad_request"),
    ),
    (
        "A23o",
        &[(":method", "CONNECT"), HTTPS, (":authority", "b.test"), PATH, (":protocol", "websocket")],
        "",
        &[],
        Refuse("host_mismatch"),
    ),
    (
        "D20",
        &[POST, HTTPS, HERE, PATH, ("transfer-encoding", "chunked")],
        "0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        &[],
        Close,
    ),
    ("D20b", &[GET, HTTPS, HERE, PATH, ("connection", "x-a"), ("x-a", "1")], "", &[], Close),
    ("D20c", &[GET, HTTPS, HERE, PATH, ("keep-alive", "5")], "", &[], Close),
    ("D20d", &[GET, HTTPS, HERE, PATH, ("upgrade", "h2c")], "", &[], Close),
    ("D20e", &[GET, HTTPS, HERE, PATH, ("te", "gzip")], "", &[], Close),
    ("D20f", &[GET, HTTPS, HERE, PATH, ("proxy-connection", "close")], "", &[], Close),
    ("D21", &[GET, HTTPS, HERE, PATH, ("x-a", "1\r\nx-b: 2")], "", &[], Close),
    ("D21b", &[GET, HTTPS, HERE, PATH, ("x-a\r\nx-b", "2")], "", &[], Close),
    ("D21c", &[GET, HTTPS, HERE, PATH, ("X-A", "1")], "", &[], Close),
    ("D21d", &[GET, HTTPS, HERE, PATH, ("x a", "1")], "", &[], Close),
    ("D21e", &[GET, HTTPS, HERE, PATH, ("x-a", "1\u{0}2")], "", &[], Close),
    ("D21f", &[GET, HTTPS, HERE, (":path", "/a HTTP/1.1\r\nHost: b.test\r\n\r\nGET /b")], "", &[], Close),
    ("D21g", &[(":method", "GET /b HTTP/1.1\r\n\r\nGET"), HTTPS, HERE, PATH], "", &[], Close),
    ("D21h", &[GET, HTTPS, (":authority", "a.test\r\nx-a: 1"), PATH], "", &[], Close),
    ("D21i", &[GET, HTTPS, HERE, PATH, ("", "1")], "", &[], Close),
    ("D22", &[POST, HTTPS, HERE, PATH, ("content-length", "4")], "abcdefgh", &[], Close),
    ("D22b", &[POST, HTTPS, HERE, PATH, ("content-length", "8")], "abcd", &[], Close),
    ("D22c", &[POST, HTTPS, HERE, PATH, ("content-length", "+4")], "abcd", &[], Close),
    (
        "D22d",
        &[POST, HTTPS, HERE, PATH, ("content-length", "4")],
        "abcd",
        &[],
        Arrive("POST /a HTTP/1.1\r\ncontent-length: 4\r\n\r\nabcd"),
    ),
    ("D23", &[GET, HTTPS, HERE, PATH, (":foo", "1")], "", &[], Close),
    ("D23b", &[GET, HTTPS, HERE, ("x-a", "1"), PATH], "", &[], Close),
    ("D23c", &[GET, GET, HTTPS, HERE, PATH], "", &[], Close),
    ("D23d", &[GET, HTTPS, HERE, PATH, (":status", "200")], "", &[], Close),
    ("D23e", &[GET, HTTPS, HERE], "", &[], Close),
    ("D23f", &[HTTPS, HERE, PATH], "", &[], Close),
    (
        "D24",
        &[POST, HTTPS, HERE, PATH],
        "abcd",
        &[(":path", "/b")],
        Arrive("POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"),
    ),
    (
        "E16",
        &[POST, HTTPS, HERE, PATH, ("authorization", "mine"), ("authorization", "mine too")],
        "abcd",
        &[("authorization", "mine again"), ("x-onecli-secret", "b")],
        Arrive("POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"),
    ),
];

async fn started() -> (RawOrigin, Daemon, String) {
    let origin = RawOrigin::start(ANSWER).await;
    let hosts = ["a.test:443", "b.test:443"];
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &hosts, &[("RUST_LOG", "info")]);
    daemon.launch().await;
    for host in ["a.test", "b.test"] {
        let options = ["--host", host, "--header", "authorization", "--format", "Bearer {value}"];
        daemon.secret(host, CANARY, &options).await;
    }
    let token = daemon.token().await;
    (origin, daemon, token)
}

/// Sends one request on a connection of its own.
async fn send(daemon: &Daemon, token: &str, head: Fields, body: &str, trailers: Fields) -> Answer {
    let mut connection = RawHttp2::open(daemon, token, "a.test").await;
    let last = |is_last: bool| if is_last { END_STREAM } else { 0 };
    let block = fields(head.iter().copied());
    let mut bytes = frame(HEADERS, END_HEADERS | last(body.is_empty()), 1, &block);
    if !body.is_empty() {
        bytes.extend(frame(DATA, last(trailers.is_empty()), 1, body.as_bytes()));
    }
    if !trailers.is_empty() {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(trailers.iter().copied())));
    }
    connection.send(&bytes).await;
    connection.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_refused_or_becomes_one_request() {
    let (origin, daemon, token) = started().await;
    let mut arrived = 0;
    for (row, head, body, trailers, must) in REQUESTS {
        let answer = send(&daemon, &token, head, body, trailers).await;
        let said = String::from_utf8_lossy(&answer.body);
        match must {
            Close => assert!(answer.is_cut_off && answer.body.is_empty(), "{row}: {answer:?} {said}"),
            Refuse(code) => {
                assert!(said.contains(&format!("\"error\":\"{code}\"")), "{row}: {answer:?} {said}")
            }
            Arrive(expected) => {
                arrived += 1;
                assert_eq!(said, "ok", "{row}");
                let injected = format!("authorization: Bearer {CANARY}\r\nHost: a.test\r\n");
                let (line, rest) = expected.split_once("\r\n").unwrap();
                let expected = format!("{line}\r\n{injected}{}", if rest.is_empty() { "\r\n" } else { rest });
                assert_eq!(lines(&origin.requests().pop().unwrap()), lines(&expected), "{row}");
            }
        }
        assert_eq!(origin.requests().len(), arrived, "{row}: {:?}", origin.requests().last());
    }
}

/// In any order: that of different fields means nothing.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_lowercase).collect();
    lines.sort();
    lines
}

/// Frames that cost their sender little: row, what they are, and how many.
const FLOODS: &[(&str, &str, usize)] = &[
    ("K9", "CONTINUATION frames without an end", 20_000),
    ("K9b", "requests that are reset at once", 20_000),
    ("K9c", "PING frames", 100_000),
    ("K9d", "a field of 4 KiB, sent once and named 10,000 times by its index", 10_000),
    ("K9e", "empty DATA frames", 100_000),
];

fn flood(row: &str, number: usize) -> Vec<u8> {
    let request = fields([GET, HTTPS, HERE, PATH]);
    match row {
        "K9" => {
            let more = frame(CONTINUATION, 0, 1, &fields([("x-more", &*"m".repeat(1000))]));
            [frame(HEADERS, END_STREAM, 1, &request), more.repeat(number)].concat()
        }
        "K9b" => {
            let streams = (0..u32::try_from(number).unwrap()).map(|stream| stream * 2 + 1);
            let reset = |stream| {
                [frame(HEADERS, END_HEADERS, stream, &request), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]
                    .concat()
            };
            streams.flat_map(reset).collect()
        }
        "K9c" => frame(PING, 0, 0, &[0; 8]).repeat(number),
        "K9d" => {
            // A literal that is added to the table (RFC 7541 6.2.1), then the newest entry of it (index 62) again and again.
            let mut block = fields([GET, HTTPS, HERE, PATH]);
            let large = fields([("x-large", &*"v".repeat(3900))]);
            block.push(0x40);
            block.extend(&large[1..]);
            block.extend(vec![0x80 | 62; number]);
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
        }
        _ => {
            let head = fields([POST, HTTPS, HERE, PATH]);
            [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, &[]).repeat(number)].concat()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_takes_no_memory_and_stops_nobody() {
    let (_origin, daemon, token) = started().await;
    assert_eq!(send(&daemon, &token, &[GET, HTTPS, HERE, PATH], "", &[]).await.body, b"ok");
    let before = daemon.resident_kib();
    for (row, _, number) in FLOODS {
        let mut connection = RawHttp2::open(&daemon, &token, "a.test").await;
        let bytes = flood(row, *number);
        // Whoever floods need not be answered, but others must.
        let sending = async {
            for piece in bytes.chunks(64 * 1024) {
                if !connection.send(piece).await {
                    return;
                }
            }
        };
        let others = async {
            for _ in 0..5 {
                let answer = send(&daemon, &token, &[GET, HTTPS, HERE, PATH], "", &[]).await;
                assert_eq!(answer.body, b"ok", "{row}");
            }
        };
        let sending = tokio::time::timeout(std::time::Duration::from_secs(20), sending);
        let _ = tokio::join!(sending, others);
        let grown = daemon.resident_kib().saturating_sub(before);
        assert!(grown < 32 * 1024, "{row}: grown by {grown} KiB");
    }
}

pub(super) fn rows() -> Vec<Row> {
    let said = |fields: Fields| {
        fields.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
    };
    let requests = REQUESTS.iter().map(|(id, head, body, trailers, must)| {
        let mut sent = format!("HTTP/2 {}", shown(&said(head)));
        if !body.is_empty() {
            sent.push_str(&format!(", body {}", shown(body)));
        }
        if !trailers.is_empty() {
            sent.push_str(&format!(", trailers {}", shown(&said(trailers))));
        }
        let must = match must {
            Close => "refused: the stream is reset or the connection closed".to_owned(),
            Refuse(code) => format!("refused: `{code}`"),
            Arrive(text) => format!("normalised: {} arrives, with the injected `authorization`", shown(text)),
        };
        Row::new(id, sent, must, "attacks::http2::a_request_is_refused_or_becomes_one_request")
    });
    let floods = FLOODS.iter().map(|(id, what, number)| {
        let must = "bounded memory, and others are served".into();
        let test = "attacks::http2::a_flood_of_frames_takes_no_memory_and_stops_nobody";
        Row::new(id, format!("HTTP/2: {what} ({number})"), must, test)
    });
    requests.chain(floods).collect()
}
