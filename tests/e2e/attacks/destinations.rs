//! A request goes where its connection leads, or nowhere; and never into the host.

use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    proxy::{connect, raw, tls},
    raw_origin::{ANSWER, RawOrigin},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::table::{Row, shown};

async fn started(settings: &[(&str, &str)]) -> (RawOrigin, Daemon, String) {
    let origin = RawOrigin::start(ANSWER).await;
    let hosts = ["a.test:443", "b.test:443", "plain.test:80"];
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &hosts, settings);
    daemon.launch().await;
    for host in ["a.test", "b.test"] {
        daemon.secret(host, CANARY, &["--host", host, "--header", "x-key"]).await;
    }
    let token = daemon.token().await;
    (origin, daemon, token)
}

/// Sent inside a tunnel to a.test: row, request, status.
const INSIDE: &[(&str, &str, &str)] = &[
    ("A1", "GET / HTTP/1.1\r\nHost: b.test\r\n", "421"),
    ("A1b", "GET / HTTP/1.1\r\nHost: a.test:8443\r\n", "421"),
    ("A1c", "GET / HTTP/1.1\r\nHost: a.test@b.test\r\n", "400"),
    ("A1d", "GET / HTTP/1.1\r\nHost: b.test.a.test\r\n", "421"),
    ("A1e", "GET / HTTP/1.1\r\nHost: a.test.b.test\r\n", "421"),
    ("A1f", "GET / HTTP/1.1\r\nHost: a.test#b.test\r\n", "400"),
    ("A1g", "GET / HTTP/1.1\r\nHost: a.test/b.test\r\n", "400"),
    ("A1h", "GET / HTTP/1.1\r\nHost: a.test\tb.test\r\n", "400"),
    ("A1i", "GET / HTTP/1.1\r\nHost: %61.test\r\n", "400"),
    ("A1j", "GET / HTTP/1.1\r\nHost: a.test%00.b.test\r\n", "400"),
    ("A1k", "GET / HTTP/1.1\r\nHost: a.test:443:80\r\n", "400"),
    ("A1l", "GET / HTTP/1.1\r\nHost: https://a.test\r\n", "400"),
    ("A3", "GET / HTTP/1.1\r\n", "400"),
    ("A3b", "GET / HTTP/1.1\r\nHost: \r\n", "400"),
    ("A4", "GET https://b.test/ HTTP/1.1\r\nHost: b.test\r\n", "421"),
    ("A4b", "GET https://b.test/ HTTP/1.1\r\nHost: a.test\r\n", "421"),
    ("A4c", "GET https://a.test/ HTTP/1.1\r\nHost: b.test\r\n", "400"),
    ("A4d", "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n", "421"),
    ("A5", "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n", "400"),
    ("A5b", "GET / HTTP/1.1\r\nHost: a.test\r\nhost: a.test\r\n", "400"),
    ("A5c", "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n", "400"),
    ("A6", "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n", "4"),
    ("A15", "TRACE / HTTP/1.1\r\nHost: a.test\r\n", "400"),
    ("A15b", "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n", "400"),
];

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_tunnel_all_names_must_agree() {
    let (origin, daemon, token) = started(&[]).await;
    for (row, request, status) in INSIDE {
        let mut stream = tls(&daemon, &token, "a.test:443", "a.test", "http/1.1").await;
        stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{row}: {answer}");
    }
    assert_eq!(origin.requests(), [""; 0]);
    assert_eq!(daemon.secret_opens().await, 0);
}

/// Sent to the gateway's port, with a token: row, request, status.
const PROXIED: &[(&str, &str, &str)] = &[
    ("A4e", "GET http://plain.test/ HTTP/1.1\r\nHost: b.test\r\n", "400"),
    ("A5d", "GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nHost: plain.test\r\n", "400"),
    ("A9", "GET http://xn--zzzzzz\u{0}.test/ HTTP/1.1\r\nHost: x\r\n", "400"),
    ("A9b", "GET http://xn--a/ HTTP/1.1\r\nHost: xn--a\r\n", "400"),
    ("A9c", "GET http://b\u{fc}cher.test/ HTTP/1.1\r\nHost: b\u{fc}cher.test\r\n", "400"),
    ("A9e", "GET http://a*.test/ HTTP/1.1\r\nHost: a*.test\r\n", "400"),
    ("A13b", "GET http://plain.test:80@b.test/ HTTP/1.1\r\nHost: b.test\r\n", "400"),
    ("A13c", "GET http://plain.test\\@b.test/ HTTP/1.1\r\nHost: b.test\r\n", "400"),
    ("A13", "GET http://u:p@plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("A14", "GET / HTTP/1.1\r\nHost: a.test\r\n", "404"),
    ("A14b", "GET /v1/secrets HTTP/1.1\r\nHost: a.test\r\n", "404"),
    ("A16", "GET ftp://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("A16b", "GET file:///etc/passwd HTTP/1.1\r\nHost: plain.test\r\n", "4"),
    ("A16c", "GET gopher://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("A16d", "GET ws://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("A17", "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n", "400"),
    ("A17b", "CONNECT a.test:0 HTTP/1.1\r\nHost: a.test\r\n", "400"),
    ("A17c", "CONNECT a.test:99999 HTTP/1.1\r\nHost: a.test\r\n", "400"),
    ("A17d", "CONNECT u@a.test:443 HTTP/1.1\r\nHost: a.test\r\n", "400"),
    ("A17e", "CONNECT http://a.test:443/ HTTP/1.1\r\nHost: a.test\r\n", "4"),
    ("A17f", "CONNECT a.test:443/x HTTP/1.1\r\nHost: a.test:443\r\n", "400"),
    ("A17g", "CONNECT [::1:443 HTTP/1.1\r\nHost: a.test:443\r\n", "400"),
    ("A17h", "CONNECT *:443 HTTP/1.1\r\nHost: a.test:443\r\n", "400"),
    ("A17i", "CONNECT :443 HTTP/1.1\r\nHost: a.test:443\r\n", "400"),
    ("A17j", "CONNECT a.test:443 HTTP/1.1\r\nHost: b.test:443\r\n", "400"),
    ("A24", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 5\r\n", "400"),
    ("A24b", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nTransfer-Encoding: chunked\r\n", "400"),
    ("C12", "GET http://plain.test/{long} HTTP/1.1\r\nHost: plain.test\r\n", "414"),
    ("C1", "GET http://plain.test/api/../admin HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C1b", "GET http://plain.test/api/%2e%2e/admin HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C1c", "GET http://plain.test/api/%2E./admin HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C1d", "GET http://plain.test/api/..;/admin HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C5", "GET http://plain.test/a\\b HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C5b", "GET http://plain.test/a\u{1}b HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C5c", "GET http://plain.test/caf\u{e9} HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("C6", "GET http://plain.test/../../x HTTP/1.1\r\nHost: plain.test\r\n", "400"),
    ("E9", "GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nX: {long}{long}\r\n", "431"),
    ("E9b", "GET http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\n{many}", "431"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_one_place_is_refused() {
    let (origin, daemon, token) = started(&[]).await;
    let long = "x".repeat(40_000);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    for (row, request, status) in PROXIED {
        let request = request.replace("{long}", &long).replace("{many}", &many);
        let request = format!("{request}Proxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        let answer = raw(&daemon, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{row}: {answer}");
    }
    assert_eq!(origin.requests(), [""; 0]);
    assert_eq!(daemon.secret_opens().await, 0);
}

/// One host, however it is written: row, CONNECT authority, `Host` inside.
const ONE_HOST: &[(&str, &str, &str)] = &[
    ("A7", "A.TEST:443", "a.test"),
    ("A7b", "a.test:443", "A.Test"),
    ("A8", "a.test.:443", "a.test"),
    ("A8b", "a.test:443", "a.test."),
    ("A8c", "a.test:443", "a.test:443"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_host_meets_its_rules_and_its_secret() {
    let (origin, daemon, token) = started(&[]).await;
    let send = async |authority: &str, host: &str| {
        let mut stream = tls(&daemon, &token, authority, "a.test", "http/1.1").await;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    for (row, authority, host) in ONE_HOST {
        let answer = send(authority, host).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{row}: {answer}");
        let arrived = origin.requests().pop().unwrap();
        assert!(arrived.contains(CANARY) && arrived.contains("Host: a.test\r\n"), "{row}: {arrived}");
    }
    daemon.json(&["rules", "create", "stop", "--action", "block", "--host", "a.test"]).await;
    for (row, authority, host) in ONE_HOST {
        let answer = send(authority, host).await;
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("blocked_by_policy"),
            "{row}: {answer}"
        );
    }
    assert_eq!(origin.requests().len(), ONE_HOST.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_unicode_is_the_host_in_ascii() {
    let origin = RawOrigin::start(ANSWER).await;
    let ascii = "xn--bcher-kva.test";
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &["xn--bcher-kva.test:443"], &[]);
    daemon.launch().await;
    daemon.secret("books", CANARY, &["--host", "bücher.test", "--header", "x-key"]).await;
    let token = daemon.token().await;
    let send = async || {
        let mut stream = tls(&daemon, &token, &format!("{ascii}:443"), ascii, "http/1.1").await;
        let request = format!("GET / HTTP/1.1\r\nHost: {ascii}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(send().await.starts_with("HTTP/1.1 200"));
    assert!(origin.requests().pop().unwrap().contains(CANARY));
    daemon.json(&["rules", "create", "stop", "--action", "block", "--host", "*.BÜCHER.test"]).await;
    assert!(send().await.starts_with("HTTP/1.1 200"));
    daemon.json(&["rules", "create", "stop it", "--action", "block", "--host", "BÜCHER.test"]).await;
    assert!(send().await.contains("blocked_by_policy"));
}

/// Destinations that no setting opens: row and authority. `{gateway}` and `{api}` stand for our own ports.
const CLOSED: &[(&str, &str)] = &[
    ("A20", "127.0.0.1:{gateway}"),
    ("A20b", "[::1]:{gateway}"),
    ("A20c", "[::]:{gateway}"),
    ("A20d", "0.0.0.0:{gateway}"),
    ("A20e", "127.0.0.1:{api}"),
    ("A20f", "localhost:{api}"),
    ("A20g", "localhost.:{gateway}"),
    ("A20h", "[::ffff:127.0.0.1]:{api}"),
    ("A20i", "127.9.9.9:{api}"),
    ("A20j", "{lan}:{gateway}"),
    ("A20k", "{hostname}:{gateway}"),
    ("A20l", "2130706433:{api}"),
    ("A20m", "0x7f.1:{api}"),
    ("A20n", "0177.0.0.1:{api}"),
    ("A20o", "127.1:{api}"),
    ("B1", "169.254.169.254:80"),
    ("B1b", "[fd00:ec2::254]:80"),
    ("B1c", "169.254.170.2:80"),
    ("B1d", "100.100.100.200:80"),
    ("B1e", "168.63.129.16:80"),
    ("B1f", "metadata.google.internal:80"),
    ("B1g", "2852039166:80"),
    ("B1h", "0xa9fea9fe:80"),
    ("B1i", "0251.0376.0251.0376:80"),
    ("B1j", "169.254.43518:80"),
    ("B1k", "[::ffff:169.254.169.254]:80"),
    ("B1l", "[64:ff9b::a9fe:a9fe]:80"),
    ("B1m", "METADATA.google.internal.:80"),
    ("B5", "0.0.0.0:80"),
    ("B5b", "224.0.0.1:80"),
    ("B5c", "255.255.255.255:80"),
    ("B5d", "[ff02::1]:80"),
    ("B5e", "[::]:80"),
    ("B5f", "0.1.2.3:80"),
    ("B10", "169.254.169.254:443"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_opens_metadata_or_ourselves() {
    let everything = [("ONECLI_ALLOW_PRIVATE", "0.0.0.0/0,::/0,localhost,metadata.google.internal")];
    let (origin, daemon, token) = started(&everything).await;
    daemon.json(&["rules", "create", "all", "--action", "allow", "--host", "*"]).await;
    daemon.json(&["config", "set", "passthroughHosts", "*"]).await;
    let port = |address: &str| address.rsplit_once(':').unwrap().1.to_owned();
    let hostname = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    for (row, authority) in CLOSED {
        let authority = authority
            .replace("{gateway}", &port(&daemon.gateway))
            .replace("{api}", &port(&daemon.api))
            .replace("{lan}", &own_address())
            .replace("{hostname}", &hostname);
        let (_, answer) = connect(&daemon, &token, &authority).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{row} {authority}: {answer}");
        let request = format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&daemon, request.as_bytes()).await;
        assert!(answer.contains("destination_not_allowed"), "{row} {authority}: {answer}");
    }
    assert_eq!(origin.requests(), [""; 0]);
}

/// Destinations that are closed unless a person opens them: row and authority.
const PRIVATE: &[(&str, &str)] = &[
    ("B3", "[::ffff:127.0.0.1]:80"),
    ("B3b", "[64:ff9b::7f00:1]:80"),
    ("B3c", "[2002:7f00:1::]:80"),
    ("B3d", "[2001:0:1:2:3:4:80ff:fffe]:80"),
    ("B3e", "[::7f00:1]:80"),
    ("B4", "100.64.0.1:80"),
    ("B4b", "100.127.255.255:80"),
    ("B5g", "198.18.0.1:80"),
    ("B5h", "[fe80::1]:80"),
    ("B6", "10.0.0.1:80"),
    ("B6b", "192.168.1.1:80"),
    ("B6c", "172.16.0.1:80"),
    ("B6d", "167772161:80"),
    ("B6e", "0xa.1:80"),
    ("B6f", "[fd12::1]:80"),
    ("B6g", "127.0.0.1:1"),
    ("B6h", "localhost:1"),
    ("B6i", "0x7f000001:1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn private_destinations_are_closed_in_every_spelling() {
    let (origin, daemon, token) = started(&[("ONECLI_ALLOW_PRIVATE", "")]).await;
    daemon.json(&["rules", "create", "all", "--action", "allow", "--host", "*"]).await;
    for (row, authority) in PRIVATE {
        let request = format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&daemon, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("destination_not_allowed"),
            "{row} {authority}: {answer}"
        );
    }
    assert_eq!(origin.requests(), [""; 0]);
}

pub(super) fn rows() -> Vec<Row> {
    let test = |name| format!("attacks::destinations::{name}");
    let status = |status: &str| match status.len() {
        1 => "refused: 4xx".to_owned(),
        _ => format!("refused: {status}"),
    };
    let inside = INSIDE.iter().map(|(id, sent, code)| {
        let sent = format!("inside a tunnel to a.test: {}", shown(sent));
        Row::new(id, sent, status(code), &test("inside_a_tunnel_all_names_must_agree"))
    });
    let proxied = PROXIED.iter().map(|(id, sent, code)| {
        Row::new(id, shown(sent), status(code), &test("what_names_no_one_place_is_refused"))
    });
    let spelt = ONE_HOST.iter().map(|(id, authority, host)| {
        let sent = format!("CONNECT {authority}, `Host: {host}` inside");
        let must = "the rules and the secret of a.test, and no other host's".into();
        Row::new(id, sent, must, &test("every_spelling_of_a_host_meets_its_rules_and_its_secret"))
    });
    let closed = CLOSED.iter().map(|(id, authority)| {
        let sent = format!("CONNECT and absolute form to {authority}, everything private opened and allowed");
        Row::new(
            id,
            sent,
            "refused: 403 `destination_not_allowed`".into(),
            &test("no_setting_opens_metadata_or_ourselves"),
        )
    });
    let private = PRIVATE.iter().map(|(id, authority)| {
        let must = "refused: 403 `destination_not_allowed`".into();
        Row::new(
            id,
            format!("http://{authority}/, allowed by a rule"),
            must,
            &test("private_destinations_are_closed_in_every_spelling"),
        )
    });
    inside.chain(proxied).chain(spelt).chain(closed).chain(private).collect()
}

/// An address of this machine that is not loopback, or loopback where there is none.
fn own_address() -> String {
    // No packet is sent: this asks which address would be used.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let address = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    address.map_or_else(|_| "127.0.0.1".to_owned(), |address| address.ip().to_string())
}
