//! Headers: what is the gateway's and the connection's stays here, and nothing stands beside what was put in.

use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    proxy::tls,
    raw_origin::{ANSWER, RawOrigin, http2_goaway},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::table::{Row, shown};

async fn send(daemon: &Daemon, token: &str, request: &str) -> String {
    let mut stream = tls(daemon, token, "a.test:443", "a.test", "http/1.1").await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn started(answer: &'static [u8]) -> (RawOrigin, Daemon, String) {
    let origin = RawOrigin::start(answer).await;
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &["a.test:443"], &[]);
    daemon.launch().await;
    let options = ["--host", "a.test", "--header", "authorization", "--format", "Bearer {value}"];
    daemon.secret("a", CANARY, &options).await;
    let token = daemon.token().await;
    (origin, daemon, token)
}

/// Fields of a request: row, what is sent, what of it arrives before the injected one.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("E1", "Proxy-Authorization: Bearer aoc_x\r\nProxy-Connection: keep-alive\r\n", ""),
    ("E1b", "X-OneCLI-Secret: a\r\nx-onecli-anything: b\r\n", ""),
    ("E2", "Keep-Alive: 5\r\nTE: gzip\r\nUpgrade: h2c\r\n", ""),
    ("E2b", "Connection: X-Private, keep-alive\r\nX-Private: 1\r\nX-Public: 2\r\n", "X-Public: 2\r\n"),
    ("E2c", "Connection: x-one\r\nConnection: x-two\r\nX-One: 1\r\nX-Two: 2\r\n", ""),
    ("E2d", "Connection: host, content-length\r\n", ""),
    ("E3", "Connection: authorization\r\nAuthorization: mine\r\n", ""),
    ("E3b", "Connection: close, Authorization\r\n", ""),
    ("E4", "AUTHORIZATION: Bearer mine\r\n", ""),
    ("E4b", "authorization: one\r\nAuthorization: two\r\naUTHORIZATION: three\r\n", ""),
    ("E5", "Accept: */*\r\n", "Accept: */*\r\n"),
    ("E5b", "X-Forwarded-For: 1.2.3.4\r\nVia: 1.1 mine\r\n", "X-Forwarded-For: 1.2.3.4\r\nVia: 1.1 mine\r\n"),
    ("E7", "Cookie: a=1\r\nCookie: b=2\r\n", "Cookie: a=1; b=2\r\n"),
    ("E8", "Authorization_: mine\r\n", "Authorization_: mine\r\n"),
    ("E11", "Expect: nonsense\r\n", "Expect: nonsense\r\n"),
];

pub(super) fn rows() -> Vec<Row> {
    let test = |name| format!("attacks::headers::{name}");
    let requests = REQUESTS.iter().map(|(id, sent, arrives)| {
        let arrives = match *arrives {
            "" => "none of it arrives".to_owned(),
            arrives => format!("{} arrives", shown(arrives)),
        };
        let must = format!("{arrives}, beside the one injected `authorization`");
        Row::new(id, shown(sent), must, &test("nothing_of_the_connection_or_the_gateway_is_passed_on"))
    });
    let answers = ANSWERS.iter().map(|(id, sent, gets)| {
        let sent = format!("the service answers {}", shown(&String::from_utf8_lossy(sent)));
        Row::new(
            id,
            sent,
            format!("the agent gets {}", shown(gets)),
            &test("a_service_cannot_speak_as_the_gateway"),
        )
    });
    let broken = BROKEN.iter().map(|(id, sent)| {
        let sent = format!("the service answers {}", shown(&String::from_utf8_lossy(sent)));
        Row::new(
            id,
            sent,
            "502 `bad_gateway`, or cut off".into(),
            &test("what_is_no_answer_is_502_or_cut_off"),
        )
    });
    let desync = DESYNC.iter().map(|(id, method, first, _)| {
        let sent = format!("to {method} the service answers {}, and at once another 200", shown(first));
        Row::new(
            id,
            sent,
            "the second one reaches nobody".into(),
            &test("an_answer_to_no_request_reaches_nobody"),
        )
    });
    requests.chain(answers).chain(broken).chain(desync).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_connection_or_the_gateway_is_passed_on() {
    let (origin, daemon, token) = started(ANSWER).await;
    for (row, sent, arrives) in REQUESTS {
        let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{sent}Connection: close\r\n\r\n");
        let answer = send(&daemon, &token, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{row}: {answer}");
        let injected = format!("authorization: Bearer {CANARY}\r\nHost: a.test\r\n\r\n");
        let expected = format!("GET / HTTP/1.1\r\n{arrives}{injected}");
        // Names are compared without their case, and the order of different fields means nothing.
        assert_eq!(lines(&origin.requests().pop().unwrap()), lines(&expected), "{row}");
    }
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_lowercase).collect();
    lines.sort();
    lines
}

/// What a service answers: row, its fields, what the agent gets of them.
const ANSWERS: &[(&str, &[u8], &str)] = &[
    ("E12", b"HTTP/1.1 200 OK\r\nX-OneCLI-Error: blocked_by_policy\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0\r\n"),
    (
        "E12b",
        b"HTTP/1.1 200 OK\r\nConnection: x-private\r\nX-Private: 1\r\nKeep-Alive: 5\r\nETag: x\r\nContent-Length: 0\r\n\r\n",
        "ETag: x\r\nContent-Length: 0\r\n",
    ),
    (
        "E12c",
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 0\r\n",
    ),
    ("E12d", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "Location: http://127.0.0.1/\r\nContent-Length: 0\r\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_service_cannot_speak_as_the_gateway() {
    for (row, sent, gets) in ANSWERS {
        let (origin, daemon, token) = started(sent).await;
        let answer =
            send(&daemon, &token, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
        let fields = answer.split_once("\r\n").unwrap().1.to_lowercase().replace("connection: close\r\n", "");
        assert_eq!(fields, format!("{gets}\r\n").to_lowercase(), "{row}");
        assert_eq!(origin.requests().len(), 1, "{row}: no redirect is followed");
    }
}

/// What a service sends with a second answer behind the one that was asked for: row, method, its first answer, status.
const DESYNC: &[(&str, &str, &str, &str)] = &[
    ("D11", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200"),
    ("D11b", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204"),
    ("D11c", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n", "304"),
    ("D11d", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n", "200"),
    ("D11e", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "200"),
];
const SECOND: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_no_request_reaches_nobody() {
    for (row, method, first, status) in DESYNC {
        let (origin, daemon, token) = started(format!("{first}{SECOND}").leak().as_bytes()).await;
        let request = format!("{method} / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        for _ in 0..3 {
            let answer = send(&daemon, &token, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{row}: {answer}");
            assert!(!answer.contains("evil"), "{row}: {answer}");
        }
        assert_eq!(origin.requests().len(), 3, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_answers_without_end_take_no_memory() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(200_000);
    let (_origin, daemon, token) = started((interim + SECOND).leak().as_bytes()).await;
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    let before = daemon.resident_kib();
    let answer = send(&daemon, &token, request).await;
    assert!(answer.ends_with("evil") || answer.contains("\"bad_gateway\""), "{answer}");
    let grown = daemon.resident_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "grown by {grown} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_cannot_speak_as_the_gateway_either() {
    let chunked = b"HTTP/1.1 200 OK\r\nTrailer: x-onecli-error, x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-OneCLI-Error: forged\r\nX-Sum: 1\r\n\r\n";
    let (_origin, daemon, token) = started(chunked).await;
    let request = "GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: close\r\n\r\n";
    let answer = send(&daemon, &token, request).await.to_lowercase();
    assert!(answer.contains("\r\nx-sum: 1\r\n") && !answer.contains("forged"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_says_in_breaking_off_is_not_repeated() {
    let service = http2_goaway(CANARY).await;
    let mut daemon = Daemon::before(service.address, &service.ca_pem, &["a.test:443"], &[]);
    daemon.launch().await;
    daemon.secret("a", CANARY, &["--host", "a.test", "--header", "x-key"]).await;
    let token = daemon.token().await;
    let answer = send(&daemon, &token, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_no_leak(&daemon, &[answer.as_bytes()]).await;
}

/// What a service sends that is no HTTP, or has no one framing: row and its bytes. The agent gets a 502, or is cut off.
const BROKEN: &[(&str, &[u8])] = &[
    ("D10", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("D10b", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab"),
    ("D10c", b"HTTP/1.1 200 OK\r\nX-A: one\r\n two: \0\r\n\r\n"),
    ("D10d", b"SSH-2.0-OpenSSH\r\n\r\n"),
    ("D10e", b"HTTP/1.1 999999 Much\r\n\r\n"),
    ("D10f", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("D10g", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_502_or_cut_off() {
    for (row, sent) in BROKEN {
        let (_origin, daemon, token) = started(sent).await;
        let answer =
            send(&daemon, &token, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
        // Only what is chunked can have begun before it turned out to be broken; then its last chunk must not come.
        let is_cut_off =
            answer.to_lowercase().contains("transfer-encoding: chunked") && !answer.ends_with("0\r\n\r\n");
        let is_refused = answer.starts_with("HTTP/1.1 502") && answer.contains("\"bad_gateway\"");
        assert!(answer.is_empty() || is_cut_off || is_refused, "{row}: {answer}");
    }
}
