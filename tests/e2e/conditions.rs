//! Rules that look at headers, query and body.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::Origin,
    proxy::{Tunnel, tls},
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn started(rule: &[&str]) -> (Origin, Daemon, String) {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    daemon.json(&[&["rules", "create", "watched", "--host", "api.test"], rule].concat()).await;
    let token = daemon.token().await;
    (origin, daemon, token)
}

async fn post(
    tunnel: &mut Tunnel, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>,
) -> StatusCode {
    let mut request = Request::post(path).header("host", "api.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = tunnel.send(request.body(Full::new(body.into())).unwrap()).await;
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_finds_a_text_in_every_form_of_a_body() {
    let (origin, daemon, token) = started(&["--action", "block", "--body-contains", "drop table"]).await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    for body in ["drop table", r#"{"sql":"dr\u006fp table"}"#, "sql=drop+table", "sql=%2564rop%20table"] {
        assert_eq!(post(&mut tunnel, "/echo", &[], body).await, 403, "{body}");
    }
    let zipped = tokio::process::Command::new("sh").args(["-c", "printf 'drop table' | gzip"]).output().await;
    let zipped = zipped.unwrap().stdout;
    assert_eq!(post(&mut tunnel, "/echo", &[("content-encoding", "gzip")], zipped.clone()).await, 403);
    for (coding, body) in
        [("br", zipped), ("compress", b"x".to_vec()), ("identity", vec![b'x'; 1024 * 1024 + 1])]
    {
        let status = post(&mut tunnel, "/echo", &[("content-encoding", coding)], body).await;
        assert_eq!(status, 403, "what can't be judged is restricted: {coding}");
    }
    assert_eq!(daemon.secret_opens().await, 0);
    assert!(origin.received().is_empty());
    let passed = vec![b'x'; 1024 * 1024];
    assert_eq!(post(&mut tunnel, "/echo", &[], passed.clone()).await, 200);
    assert_eq!((origin.only().body, origin.last().header("x-key")), (Bytes::from(passed), Some(CANARY)));
    assert_eq!(origin.last().header("content-length"), Some("1048576"), "put back as it was");
    assert_eq!(tunnel.get("api.test", "/x").await.status(), 200, "a request without a body holds nothing");
    assert_eq!(daemon.audit().await[2]["requestBytes"], json!(1024 * 1024 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_judged_to_the_end() {
    let (origin, daemon, token) =
        started(&["--action", "allow", "--body-contains", "\"dry_run\":true"]).await;
    daemon.json(&["config", "set", "defaultPolicy", "deny"]).await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    assert_eq!(post(&mut tunnel, "/echo", &[], r#"{"dry_run":true}"#).await, 200);
    let mut large = br#"{"dry_run":true}"#.to_vec();
    large.resize(1024 * 1024 + 1, b' ');
    assert_eq!(post(&mut tunnel, "/echo", &[], large).await, 403);
    assert_eq!(
        post(&mut tunnel, "/echo", &[("content-encoding", "nonsense")], r#"{"dry_run":true}"#).await,
        403
    );
    assert_eq!(post(&mut tunnel, "/echo", &[], r#"{"dry_run":false}"#).await, 403);
    assert_eq!(tunnel.get("api.test", "/x").await.status(), 403);
    assert_eq!(origin.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_query_are_conditions_too() {
    let rule = ["--action", "block", "--header-contains", "x-mode=beta", "--query-has", "force=true"];
    let (_origin, daemon, token) = started(&rule).await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    for (path, mode, expected) in [
        ("/echo?force=true", "the-beta", 403),
        ("/echo?%66orce=tr%75e", "the-beta", 403),
        ("/echo?force=true", "stable", 200),
        ("/echo?force=false", "the-beta", 200),
        ("/echo", "the-beta", 200),
    ] {
        assert_eq!(post(&mut tunnel, path, &[("x-mode", mode)], "").await, expected, "{path} {mode}");
    }
    let stripped = [("x-mode", "the-beta"), ("connection", "x-mode")];
    let status = post(&mut tunnel, "/echo?force=true", &stripped, "").await;
    assert_eq!(status, 200, "a header that is not passed on is not judged either");
}

/// A client that waits for `100 Continue` is refused by the head before it sends its body.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_head_decides_is_said_before_the_body_is_read() {
    let rule = ["--action", "block", "--path", "/other", "--body-contains", "x"];
    let (_origin, daemon, token) = started(&rule).await;
    daemon
        .json(&["rules", "create", "stop", "--action", "block", "--host", "api.test", "--path", "/stop"])
        .await;
    let mut stream = tls(&daemon, &token, "api.test:443", "api.test", "http/1.1").await;
    stream
        .write_all(
            b"POST /stop HTTP/1.1\r\nHost: api.test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        )
        .await
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 403");
    let mut stream = tls(&daemon, &token, "api.test:443", "api.test", "http/1.1").await;
    stream
        .write_all(
            b"POST /other HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
        )
        .await
        .unwrap();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100", "the body is needed");
    stream.write_all(b"x").await.unwrap();
    let mut rest = vec![0; 25];
    stream.read_exact(&mut rest).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 403"), "{}", String::from_utf8_lossy(&rest));
}

/// An upload that has no end goes on to the service unless a rule waits for it, and trailers survive the reading.
#[tokio::test(flavor = "multi_thread")]
async fn a_judged_body_keeps_its_trailers() {
    let (origin, daemon, token) = started(&["--action", "block", "--body-contains", "forbidden"]).await;
    let stream = tls(&daemon, &token, "api.test:443", "api.test", "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", http::HeaderValue::from_static("7"));
    let body = Full::new(Bytes::from_static(b"fine")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let response =
        sender.send_request(Request::post("https://api.test/echo").body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(origin.only().body, "fine");
    assert_eq!(origin.only().trailers.unwrap()["x-sum"], "7");
}
