//! What leaves is unambiguous: a request is refused, or written anew with one framing.

use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    proxy::tls,
    raw_origin::{ANSWER, RawOrigin},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::table::{Row, shown};

/// What must become of a request.
enum Must {
    /// hyper's bare 400, or its closing of the connection; nothing reaches the service whole.
    Bare,
    /// The gateway's own 400.
    Refused,
    /// These bytes arrive; `{auth}` stands for the field that is put in and the host.
    Arrive(&'static str),
}
use Must::{Arrive, Bare, Refused};

/// Row of the table, what is sent, and what must become of it. `{host}` stands for the Host field.
const CASES: &[(&str, &str, Must)] = &[
    (
        "D1",
        "POST /a HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n{host}\r\n",
        Arrive("POST /a HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ),
    (
        "D1b",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Arrive("POST /a HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
    ),
    ("D2", "POST /a HTTP/1.1\r\n{host}Content-Length: 4\r\nContent-Length: 5\r\n\r\naaaaa", Bare),
    (
        "D2b",
        "POST /a HTTP/1.1\r\n{host}Content-Length: 4\r\nContent-Length: 4\r\n\r\naaaa",
        Arrive("POST /a HTTP/1.1\r\n{auth}Content-Length: 4\r\n\r\naaaa"),
    ),
    ("D2c", "POST /a HTTP/1.1\r\n{host}Content-Length: 4, 4\r\n\r\naaaa", Bare),
    ("D4", "GET /a HTTP/1.1\r\n{host}X-A: one\r\n two\r\n\r\n", Bare),
    ("D4b", "GET /a HTTP/1.1\r\n{host}X-A : one\r\n\r\n", Bare),
    ("D4c", "GET /a HTTP/1.1\r\n{host}: one\r\n\r\n", Bare),
    (
        "D4d",
        "GET /a HTTP/1.1\nHost: api.test\nX-A: one\n\n",
        Arrive("GET /a HTTP/1.1\r\nX-A: one\r\n{auth}\r\n"),
    ),
    ("D4e", "GET /a HTTP/1.1\r\n{host}X-A: one\rtwo\r\n\r\n", Bare),
    ("D4f", "GET /a HTTP/1.1\r\n{host}X-A: one\0two\r\n\r\n", Bare),
    ("D4g", "GET /a HTTP/1.1\r\n X-A: one\r\n{host}\r\n", Bare),
    ("D4h", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Bare),
    (
        "D5",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n",
        Refused,
    ),
    ("D5b", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n", Refused),
    ("D5c", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", Refused),
    (
        "D5d",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n1;{long}\r\na\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "D5e",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n",
        Arrive("POST /a HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
    ),
    ("D5f", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n1\r\naX0\r\n\r\n", Refused),
    ("D7", "POST /a HTTP/1.1\r\n{host}Content-Length: abc\r\n\r\naaaaa", Bare),
    ("D7b", "POST /a HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\naaaaa", Bare),
    ("D7c", "POST /a HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\naaaaa", Bare),
    ("D7d", "POST /a HTTP/1.1\r\n{host}Content-Length: \r\n\r\naaaaa", Bare),
    ("D7e", "POST /a HTTP/1.1\r\n{host}Content-Length: 99999999999999999999999\r\n\r\na", Bare),
    ("D8", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused),
    ("D8b", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Bare),
    (
        "D8c",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Refused,
    ),
    ("D8d", "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Bare),
    (
        "D8e",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding:\tCHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Arrive("POST /a HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
    ),
    ("D8f", "POST /a HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", Bare),
    ("D12", "GET /a HTTP/1.1\r\n{host}Upgrade: websocket\r\n\r\n", Arrive("GET /a HTTP/1.1\r\n{auth}\r\n")),
    (
        "D12b",
        "GET /a HTTP/1.1\r\n{host}Connection: notupgrade\r\nUpgrade: websocket\r\n\r\n",
        Arrive("GET /a HTTP/1.1\r\n{auth}\r\n"),
    ),
    (
        "D12c",
        "GET /a HTTP/1.1\r\n{host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        Arrive("GET /a HTTP/1.1\r\n{auth}\r\n"),
    ),
    (
        "D12d",
        "GET /a HTTP/1.1\r\n{host}Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        Arrive("GET /a HTTP/1.1\r\n{auth}\r\n"),
    ),
    (
        "D12e",
        "POST /a HTTP/1.1\r\n{host}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\na",
        Arrive("POST /a HTTP/1.1\r\n{auth}Content-Length: 1\r\n\r\na"),
    ),
    ("D15", "GET /a\r\n\r\n", Bare),
    ("D15b", "GET /a HTTP/1.2\r\n{host}\r\n", Bare),
    ("D15c", "GET  /a HTTP/1.1\r\n{host}\r\n", Bare),
    ("D15d", "GET\t/a\tHTTP/1.1\r\n{host}\r\n", Bare),
    ("D15e", "GET /a b HTTP/1.1\r\n{host}\r\n", Bare),
    ("D15f", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Bare),
    (
        "D16",
        "GET /a HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc",
        Arrive("GET /a HTTP/1.1\r\n{auth}Content-Length: 3\r\n\r\nabc"),
    ),
    ("C5d", "GET /a#frag HTTP/1.1\r\n{host}\r\n", Arrive("GET /a HTTP/1.1\r\n{auth}\r\n")),
    (
        "E10",
        "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTE: trailers\r\n\r\n1\r\na\r\n0\r\nAuthorization: mine\r\nContent-Length: 9\r\n\r\n",
        Arrive(
            "POST /a HTTP/1.1\r\nTE: trailers\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ),
    ),
];

pub(super) fn rows() -> Vec<Row> {
    let must = |must: &Must| match must {
        Bare => "refused: a bare 400, or closed".to_owned(),
        Refused => "refused: 400 `bad_request`".to_owned(),
        Arrive(bytes) => format!("normalised: {} arrives", shown(bytes)),
    };
    let row = |(id, sent, result): &(&str, &str, Must)| {
        Row::new(id, shown(sent), must(result), "attacks::framing::a_request_is_refused_or_written_anew")
    };
    CASES.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_refused_or_written_anew() {
    let origin = RawOrigin::start(ANSWER).await;
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &["api.test:443"], &[]);
    daemon.launch().await;
    let options = ["--host", "api.test", "--header", "authorization", "--format", "Bearer {value}"];
    daemon.secret("api", CANARY, &options).await;
    let token = daemon.token().await;
    let auth = format!("authorization: Bearer {CANARY}\r\nHost: api.test\r\n");
    for (row, sent, must) in CASES {
        let before = origin.requests().len();
        let bytes = sent.replace("{host}", "Host: api.test\r\n").replace("{long}", &"x".repeat(100_000));
        let mut stream = tls(&daemon, &token, "api.test:443", "api.test", "http/1.1").await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        // What comes after this request asks the gateway to close.
        let _ = stream.write_all(b"GET /end HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let mut arrived = origin.requests().split_off(before);
        arrived.retain(|request| !request.starts_with("GET /end "));
        match must {
            Bare => {
                let refused = answer.starts_with("HTTP/1.1 400") && !answer.contains("x-onecli-error");
                assert!(refused || answer.is_empty(), "{row}: {answer}");
                assert_eq!(arrived, [""; 0], "{row}");
            }
            Refused => {
                assert!(
                    answer.starts_with("HTTP/1.1 400") && answer.contains("bad_request"),
                    "{row}: {answer}"
                );
                assert_eq!(arrived, [""; 0], "{row}");
            }
            Arrive(expected) => {
                assert!(answer.starts_with("HTTP/1.1 200"), "{row}: {answer}");
                assert_eq!(arrived[0], expected.replace("{auth}", &auth), "{row}");
                let smuggled = arrived.iter().any(|request| request.contains("smuggled"));
                assert!(!smuggled, "{row}: {arrived:?}");
            }
        }
    }
}
