//! What HTTP can say, said by real clients through an intercepted connection: it arrives, and comes back, as it was.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::{Handler, Origin, plain, whole},
    proxy::{Tunnel, connect},
    raw_origin::{ANSWER, RawOrigin},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// "world tale".
const COMPRESSED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x2b\xcf\x2f\xca\x49\x51\x28\x49\xcc\x49\x05\x00\x76\x4d\xda\xdd\x0a\x00\x00\x00";

fn service() -> Handler {
    Arc::new(|request| match request.uri.path() {
        "/range" => {
            let mut response = plain(StatusCode::PARTIAL_CONTENT, "234");
            response.headers_mut().insert(header::CONTENT_RANGE, HeaderValue::from_static("bytes 2-4/10"));
            assert_eq!(request.header("range"), Some("bytes=2-4"));
            response
        }
        "/gzip" => {
            let mut response = Response::new(whole(COMPRESSED));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        "/trailers" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("1"));
            let frames = [Frame::data(Bytes::from_static(b"x")), Frame::trailers(trailers)].map(Ok);
            let body = BoxBody::new(StreamBody::new(stream::iter(frames)));
            let mut response = Response::new(body);
            response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-sum"));
            response
        }
        path if path.starts_with("/status/") => {
            plain(StatusCode::from_bytes(&path.as_bytes()[8..]).unwrap(), "")
        }
        _ if request.method == http::Method::HEAD => {
            let mut response = Response::new(whole(""));
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("6"));
            response
        }
        _ => Response::new(whole(format!("{} {}", request.method, request.body.len()))),
    })
}

async fn started(alpn: &[&str]) -> (Origin, Daemon, String) {
    let origin = Origin::with(alpn, Some(service())).await;
    let daemon = Daemon::start(&origin, &["api.test:443", "api.test:8443"]).await;
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    let token = daemon.token().await;
    (origin, daemon, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_statuses_ranges_and_codings_pass_in_every_pairing() {
    for (agent, at_service) in
        [("http/1.1", "http/1.1"), ("http/1.1", "h2"), ("h2", "http/1.1"), ("h2", "h2")]
    {
        let (origin, daemon, token) = started(&[at_service]).await;
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", agent).await;
        let request = |method: &str, path: &str, fields: &[(&'static str, &'static str)]| {
            let mut request = match agent {
                "h2" => Request::builder().uri(format!("https://api.test{path}")),
                _ => Request::builder().uri(path).header("host", "api.test"),
            };
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            request.method(method).body(Full::from(if method == "PATCH" { "abc" } else { "" })).unwrap()
        };
        for method in ["GET", "OPTIONS", "PATCH", "DELETE", "PROPFIND", "M-SEARCH"] {
            let response = tunnel.send(request(method, "/x", &[])).await;
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(
                body,
                format!("{method} {}", if method == "PATCH" { 3 } else { 0 }),
                "{agent} {at_service}"
            );
        }
        let response = tunnel.send(request("HEAD", "/x", &[])).await;
        assert_eq!(response.headers().get("content-length").map(HeaderValue::as_bytes), Some(&b"6"[..]));
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        for status in [204, 304, 404, 418, 500] {
            assert_eq!(tunnel.send(request("GET", &format!("/status/{status}"), &[])).await.status(), status);
        }
        let response = tunnel.send(request("GET", "/range", &[("range", "bytes=2-4")])).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-range"]),
            (206, &"bytes 2-4/10".parse::<HeaderValue>().unwrap())
        );
        let response = tunnel.send(request("GET", "/gzip", &[("accept-encoding", "gzip")])).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), COMPRESSED, "untouched");
        let response = tunnel.send(request("GET", "/trailers", &[("te", "trailers")])).await;
        let trailers = response.into_body().collect().await.unwrap().trailers().cloned();
        assert_eq!(trailers.unwrap()["x-sum"], "1", "{agent} {at_service}");
        assert!(origin.received().iter().all(|request| request.header("x-key") == Some(CANARY)));
    }
}

/// curl's arguments and what it must show.
const CURLS: &[(&[&str], &str)] = &[
    (&["--tls-max", "1.2", "https://api.test/x"], "GET 0"),
    (&["--tlsv1.3", "https://api.test/x"], "GET 0"),
    (
        &["--http1.1", "-H", "Expect: 100-continue", "--data-binary", "@body", "https://api.test/x"],
        "POST 200000",
    ),
    (&["--http1.1", "-H", "Transfer-Encoding: chunked", "-T", "body", "https://api.test/x"], "PUT 200000"),
    (&["--http2", "-T", "-", "https://api.test/x"], "PUT 0"),
    (&["--compressed", "https://api.test/gzip"], "world tale"),
    (&["https://api.test:8443/x"], "GET 0"),
];

#[tokio::test(flavor = "multi_thread")]
async fn curl_says_it_in_its_ways() {
    let (origin, daemon, _) = started(&["h2", "http/1.1"]).await;
    std::fs::write(daemon.home().join("body"), vec![b'b'; 200_000]).unwrap();
    for (arguments, expected) in CURLS {
        let mut command = daemon.command(&["run", "--", "curl", "-sS"]);
        let output = command
            .args(*arguments)
            .current_dir(daemon.home())
            .stdin(std::process::Stdio::null())
            .output()
            .await;
        let output = output.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), *expected, "{arguments:?}: {output:?}");
    }
    let unkeyed = origin.received().iter().filter(|request| request.header("x-key").is_none()).count();
    assert_eq!(unkeyed, 1, "all but the one at another port");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_plain_http_work_inside_a_connect() {
    let origin = RawOrigin::start_at("::1", ANSWER).await;
    let mut daemon = Daemon::before(
        origin.address,
        &origin.ca_pem,
        &["plain.test:8080"],
        &[("ONECLI_ALLOW_PRIVATE", "::1")],
    );
    daemon.launch().await;
    let options = ["--host", "plain.test:8080", "--header", "x-key", "--allow-plain-http"];
    daemon.secret("plain", CANARY, &options).await;
    let token = daemon.token().await;
    let port = origin.address.port();
    for (authority, host) in [
        (format!("[::1]:{port}"), format!("[::1]:{port}")),
        ("plain.test:8080".into(), "plain.test:8080".into()),
    ] {
        let (mut stream, answer) = connect(&daemon, &token, &authority).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let request = format!("GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{authority}: {answer}");
        let arrived = origin.requests().pop().unwrap();
        assert!(arrived.contains(&format!("Host: {host}\r\n")), "{arrived}");
        assert_eq!(arrived.contains(CANARY), host.starts_with("plain"), "{arrived}");
    }
}
