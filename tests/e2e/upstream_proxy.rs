//! A company's proxy between the gateway and services.

use http_body_util::BodyExt;
use onecli_tests::{
    canary::CANARY,
    connect_proxy::ConnectProxy,
    daemon::Daemon,
    origin::{self, Origin},
    proxy::{Tunnel, connect, raw, try_tls},
};
use serde_json::Value;

/// The test's services are on this machine too.
const DIRECT: (&str, &str) = ("ONECLI_UPSTREAM_NO_PROXY", "192.0.2.0/24,direct.test");

async fn started(origin: &Origin, proxy: &str, more: &[(&str, &str)]) -> Daemon {
    let mut settings = vec![("ONECLI_UPSTREAM_PROXY", proxy), DIRECT];
    settings.extend(more);
    let daemon = Daemon::with(origin, &["api.test:443", "direct.test:443", "plain.test:80"], &settings).await;
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    daemon
}

async fn refusal(response: http::Response<hyper::body::Incoming>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_reached_through_it_with_its_password() {
    let origin = Origin::start().await;
    let proxy = ConnectProxy::start(Some("user:p%ss:word")).await;
    let url = format!("http://user:p%25ss%3Aword@{}", proxy.address);
    let daemon = started(&origin, &url, &[]).await;
    let token = daemon.token().await;
    for alpn in ["http/1.1", "h2"] {
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
        assert_eq!(tunnel.get("api.test", "/x").await.status(), 200);
        assert_eq!(origin.last().header("x-key"), Some(CANARY), "the secret goes to the service");
    }
    // The address that was checked is the one that the proxy is asked for.
    assert_eq!(proxy.asked(), [origin.address.to_string()]);
    let log = daemon.log();
    assert!(log.contains(&format!("go through the proxy http://{}", proxy.address)));
    assert!(!log.contains("p%25ss") && !log.contains("p%ss:word"), "{log}");
    // What the setting names goes round it.
    let mut tunnel = Tunnel::open(&daemon, &token, "direct.test", "h2").await;
    assert_eq!(tunnel.get("direct.test", "/x").await.status(), 200);
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_tunnels_go_through_it_too() {
    let plain = onecli_tests::raw_origin::RawOrigin::start(onecli_tests::raw_origin::ANSWER).await;
    let proxy = ConnectProxy::start(None).await;
    let url = format!("http://{}", proxy.address);
    let settings =
        [("ONECLI_UPSTREAM_PROXY", url.as_str()), DIRECT, ("ONECLI_PASSTHROUGH_HOSTS", "blind.test")];
    let mut daemon =
        Daemon::before(plain.address, &plain.ca_pem, &["plain.test:80", "blind.test:443"], &settings);
    daemon.launch().await;
    let token = daemon.token().await;
    let request = format!(
        "GET http://plain.test/x HTTP/1.1\r\nHost: plain.test\r\nProxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    assert!(raw(&daemon, request.as_bytes()).await.starts_with("HTTP/1.1 200"));
    assert_eq!(proxy.asked().len(), 1);
    try_tls(&daemon, &token, "blind.test:443", "blind.test", &plain.ca_pem).await.unwrap();
    assert_eq!(proxy.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_may_be_left_to_it_but_open_nothing() {
    let origin = Origin::start().await;
    let proxy = ConnectProxy::leading_to(origin.address).await;
    let url = format!("http://{}", proxy.address);
    let daemon = started(&origin, &url, &[("ONECLI_UPSTREAM_PROXY_DNS", "remote")]).await;
    let token = daemon.token().await;
    // No name server knows this one.
    let mut tunnel = Tunnel::open(&daemon, &token, "only-there.invalid", "h2").await;
    assert_eq!(tunnel.get("only-there.invalid", "/x").await.status(), 200);
    assert_eq!(proxy.asked(), ["only-there.invalid:443"]);
    for host in ["metadata.google.internal", "169.254.169.254", "10.0.0.1"] {
        let mut tunnel = Tunnel::open(&daemon, &token, host, "h2").await;
        let (status, reply) = refusal(tunnel.get(host, "/x").await).await;
        assert_eq!((status, reply["error"].as_str()), (403, Some("destination_not_allowed")), "{host}");
    }
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_speak_tls() {
    let origin = Origin::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (root, certificate, key) = origin::server_files(directory.path(), "proxy.corp");
    let proxy = ConnectProxy::start_tls(&certificate, &key).await;
    let url = format!("https://proxy.corp:{}", proxy.address.port());
    let resolve =
        format!("api.test:443={},proxy.corp:{}={}", origin.address, proxy.address.port(), proxy.address);
    let roots = directory.path().join("roots.pem");
    for (trusted, status) in [(true, 200), (false, 502)] {
        let own = if trusted { root.as_str() } else { "" };
        std::fs::write(&roots, format!("{}{own}", origin.ca_pem)).unwrap();
        let settings =
            [("ONECLI_RESOLVE", resolve.as_str()), ("ONECLI_UPSTREAM_CA_FILE", roots.to_str().unwrap())];
        let daemon = started(&origin, &url, &settings).await;
        let mut tunnel = Tunnel::open(&daemon, &daemon.token().await, "api.test", "h2").await;
        let (came, reply) = refusal(tunnel.get("api.test", "/x").await).await;
        assert_eq!(came, status, "{reply}");
        if !trusted {
            let message = reply["message"].as_str().unwrap();
            assert!(message.contains("the upstream proxy: its TLS is not trusted"), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_can_not_be_read_is_named_without_its_password() {
    let origin = Origin::start().await;
    for url in
        ["http://us%3Aer:nothing@proxy.corp", "socks5://u:nothing@proxy.corp", "u:nothing@proxy.corp:80"]
    {
        let output = Daemon::prepare(&origin, &[], &[("ONECLI_UPSTREAM_PROXY", url)]).cli(&["start"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("ONECLI_UPSTREAM_PROXY: it is not of the form"),
            "{said}"
        );
        assert!(!said.contains("nothing"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_it_is_said() {
    let origin = Origin::start().await;
    let proxy = ConnectProxy::start(Some("user:right")).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = ConnectProxy::refusing().await;
    for (url, status, said) in [
        (format!("http://{}", proxy.address), 502, "it wants a user and password"),
        (format!("http://user:wrong@{}", proxy.address), 502, "does not take the user and password"),
        (format!("http://{closed}"), 502, "it can't be reached"),
        (format!("http://{}", refusing.address), 502, "it refused the connection with status 403"),
        (format!("http://{}", silent.local_addr().unwrap()), 504, "did not answer in time"),
        (format!("http://{}", origin.address), 502, "the upstream proxy"),
    ] {
        let daemon = started(&origin, &url, &[("ONECLI_CONNECT_SECONDS", "2")]).await;
        let token = daemon.token().await;
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
        let (came, reply) = refusal(tunnel.get("api.test", "/x").await).await;
        let message = reply["message"].as_str().unwrap();
        assert!(came == status && message.contains(said), "{url}: {came} {message}");
        assert!(!message.contains("wrong"), "{message}");
        let (_, answer) = connect(&daemon, &token, "api.test:443").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(origin.received().is_empty());
}
