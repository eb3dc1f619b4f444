//! A request goes where its tunnel leads, or nowhere.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::Origin,
    proxy::{Tunnel, raw, tls},
};

async fn started(origin: &Origin) -> (Daemon, String) {
    let daemon = Daemon::start(origin, &["a.test:443", "b.test:443", "plain.test:80"]).await;
    daemon.secret("b", CANARY, &["--host", "b.test", "--header", "x-key"]).await;
    let token = daemon.token().await;
    (daemon, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_inside_a_tunnel_is_421() {
    let origin = Origin::start().await;
    let (daemon, token) = started(&origin).await;
    for alpn in ["http/1.1", "h2"] {
        let mut tunnel = Tunnel::open(&daemon, &token, "a.test", alpn).await;
        assert_eq!(tunnel.get("b.test", "/").await.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(tunnel.get("a.test:8443", "/").await.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(tunnel.get("A.test.", "/").await.status(), StatusCode::OK, "one host, spelt otherwise");
    }
    assert_eq!(daemon.secret_opens().await, 0);
    assert_eq!(origin.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_in_the_handshake_is_421() {
    let origin = Origin::start().await;
    let (daemon, token) = started(&origin).await;
    let root = daemon.home().join("root.pem");
    std::fs::write(&root, daemon.root().await).unwrap();
    // The certificate is for the host of the CONNECT, so a client that insists on the other name breaks off.
    let proxy = format!("http://x:{token}@{}", daemon.gateway);
    let output = tokio::process::Command::new("curl")
        .args([
            "-sS",
            "--cacert",
            root.to_str().unwrap(),
            "--proxy",
            &proxy,
            "--connect-to",
            "b.test:443:a.test:443",
            "https://b.test/",
        ])
        .output()
        .await
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(origin.received().is_empty());
    let output = tokio::process::Command::new("curl")
        .args([
            "-sS",
            "-k",
            "--proxy",
            &proxy,
            "--connect-to",
            "b.test:443:a.test:443",
            "-w",
            "%{http_code}",
            "https://b.test/",
        ])
        .output()
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("421"), "{output:?}");
    assert!(origin.received().is_empty());
    assert_eq!(daemon.secret_opens().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusting_client_shows_in_the_audit_log() {
    let origin = Origin::start().await;
    let (daemon, token) = started(&origin).await;
    let proxy = format!("http://x:{token}@{}", daemon.gateway);
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--proxy", &proxy, "https://a.test/"])
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    onecli_tests::eventually("the event", || async {
        let events = daemon.audit().await;
        events
            .iter()
            .any(|event| event["error"] == "client_tls_failed" && event["host"] == "a.test")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused() {
    let origin = Origin::start().await;
    let (daemon, token) = started(&origin).await;
    let credentials = format!("Proxy-Authorization: Bearer {token}\r\nConnection: close\r\n");
    let rows = [
        ("two hosts", "GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nHost: b.test\r\n", "400"),
        ("another host field", "GET http://plain.test/ HTTP/1.1\r\nHost: b.test\r\n", "400"),
        ("no host", "GET http://plain.test/ HTTP/1.1\r\n", "403"),
        ("TRACE", "TRACE http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        ("scheme", "GET ftp://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        ("user information", "GET http://u:p@plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        ("dot segment", "GET http://plain.test/a/../b HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        ("encoded dot segment", "GET http://plain.test/a/%2e%2e/b HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        ("backslash", "GET http://plain.test/a\\b HTTP/1.1\r\nHost: plain.test\r\n", "400"),
        (
            "long",
            &*format!("GET http://plain.test/{} HTTP/1.1\r\nHost: plain.test\r\n", "a".repeat(40_000)),
            "414",
        ),
        (
            "large",
            &*format!("GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nX: {}\r\n", "a".repeat(70_000)),
            "431",
        ),
        ("CONNECT without a port", "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n", "400"),
        ("origin form", "GET /nothing HTTP/1.1\r\nHost: a.test\r\n", "404"),
        (
            "two lengths",
            "POST http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            "400",
        ),
    ];
    for (what, request, status) in rows.iter().filter(|row| row.0 != "no host") {
        let answer = raw(&daemon, format!("{request}{credentials}\r\n").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {answer}");
    }
    assert!(origin.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_inside_a_tunnel_is_closed() {
    let origin = Origin::start().await;
    let (daemon, token) = started(&origin).await;
    let connect = format!(
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Bearer {token}\r\n\r\nSSH-2.0-OpenSSH_9.9\r\n\r\n"
    );
    let answer = raw(&daemon, connect.as_bytes()).await;
    let (established, inside) = answer.split_once("\r\n\r\n").unwrap();
    assert!(established.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(inside.is_empty() || inside.starts_with("HTTP/1.1 400"), "{inside}");
    assert!(origin.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_cannot_keep_its_own_value_beside_the_injected_one() {
    let origin = Origin::with(&["http/1.1"], None).await;
    let (daemon, token) = started(&origin).await;
    let stream = tls(&daemon, &token, "b.test:443", "b.test", "http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/x")
        .header("host", "b.test")
        .header("X-Key", "mine")
        .header("x-key", "mine too")
        .header("connection", "x-key, keep-alive")
        .header("x-onecli-secret", "b")
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    let received = origin.only();
    assert_eq!(received.header("x-key"), Some(CANARY));
    assert!(received.header("x-onecli-secret").is_none() && received.header("connection").is_none());
}
