//! WebSocket: the credential goes into the handshake, and frames pass as they are.

use std::{net::SocketAddr, process::Stdio};

use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    eventually,
    generated::repository,
    origin::server_files,
    proxy::{connect, tls},
    raw_http2::{DATA, END_HEADERS, HEADERS, RawHttp2, fields, frame},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

fn python() -> std::path::PathBuf {
    repository().join("target/test-venv/bin/python")
}

/// A real service, and what it says.
struct Service {
    said: Lines<BufReader<ChildStdout>>,
    _process: Child,
    daemon: Daemon,
    token: String,
}

async fn started(settings: &[(&str, &str)]) -> Service {
    let directory = tempfile::tempdir().unwrap();
    let (ca_pem, certificate, key) = server_files(directory.path(), "ws.test");
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/websocket_server.py")).args([certificate, key]);
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    let port: u16 = said.next_line().await.unwrap().unwrap().parse().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut daemon = Daemon::before(address, &ca_pem, &["ws.test:443"], settings);
    daemon.launch().await;
    daemon.secret("ws", CANARY, &["--host", "ws.test", "--header", "x-key"]).await;
    daemon
        .json(&["rules", "create", "no", "--action", "block", "--host", "ws.test", "--path", "/blocked"])
        .await;
    let token = daemon.token().await;
    Service { said, _process: process, daemon, token }
}

async fn recorded(daemon: &Daemon, count: usize) -> Vec<Value> {
    eventually("the events", || async {
        let events = daemon.audit().await;
        (events.len() == count).then_some(events)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_client_speaks_with_a_real_service() {
    let mut service = started(&[]).await;
    let client = repository().join("tests/clients/python_aiohttp_websocket.py");
    let arguments = [
        python().to_str().unwrap().to_owned(),
        client.to_str().unwrap().to_owned(),
        "https://ws.test".into(),
    ];
    let output = service.daemon.run(&arguments.each_ref().map(String::as_str)).await;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "greeted chat chat\ntext grüße\nbytes 204800\nclosed 4001 as you like\nrefused 403\nblocked 403 blocked_by_policy\n";
    assert_eq!(shown, expected, "{output:?}");
    assert_eq!(service.said.next_line().await.unwrap().unwrap(), "closed 4002", "as the client said");
    let events = recorded(&service.daemon, 4).await;
    let of = |path: &str| events.iter().filter(|event| event["path"] == path).cloned().collect::<Vec<_>>();
    let spoken = of("/chat");
    assert!(
        spoken.iter().all(|event| event["status"] == 101
            && event["decision"] == "allowed"
            && event["error"].is_null()),
        "{spoken:#?}"
    );
    assert!(spoken.iter().any(|event| event["requestBytes"].as_u64() > Some(200_000)
        && event["responseBytes"].as_u64() > Some(200_000)));
    assert!(spoken.iter().all(|event| event["secretIds"].as_array().unwrap().len() == 1));
    assert_eq!(
        (&of("/refused")[0]["status"], &of("/blocked")[0]["decision"]),
        (&403.into(), &"blocked".into())
    );
    // The greeting holds the key, since this service repeats it; nothing of ours does.
    assert_no_leak(&service.daemon, &[&output.stdout]).await;
}

/// An unmasked frame that a service would refuse is nothing to the gateway: it passes bytes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_its_permit() {
    let mut service = started(&[("ONECLI_MAX_CONNECTIONS_PER_AGENT", "1")]).await;
    let mut stream = tls(&service.daemon, &service.token, "ws.test:443", "ws.test", "http/1.1").await;
    let request = "GET /chat HTTP/1.1\r\nHost: ws.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    let head = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    // What the standard gives for this key (RFC 6455 1.3).
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    let (_, refusal) = connect(&service.daemon, &service.token, "ws.test:443").await;
    assert!(refusal.starts_with("HTTP/1.1 503"), "it counts as a connection of its agent: {refusal}");
    service.daemon.json(&["rules", "create", "stop", "--action", "block", "--host", "ws.test"]).await;
    let ended = async { while !matches!(stream.read(&mut answer).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.expect("it goes on");
    let events = recorded(&service.daemon, 2).await;
    let event = events.iter().find(|event| event["path"] == "/chat").unwrap();
    assert_eq!((&event["decision"], &event["ruleName"]), (&"revoked".into(), &"stop".into()));
    assert_eq!(service.said.next_line().await.unwrap().unwrap(), "closed 1006");
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_turned_into_what_services_speak() {
    let mut service = started(&[]).await;
    let mut connection = RawHttp2::open(&service.daemon, &service.token, "ws.test").await;
    let head = |path: &'static str| {
        fields([
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "ws.test"),
            ("sec-websocket-version", "13"),
            ("x-key", "placeholder"),
        ])
    };
    connection.send(&frame(HEADERS, END_HEADERS, 1, &head("/chat"))).await;
    let greeting = connection.data_until(|data| data.ends_with(b"}")).await;
    assert!(String::from_utf8_lossy(&greeting).contains(CANARY), "{greeting:?}");
    // Masked with zeros, so that they can be read here: the text "hi", and a close with 4003 (RFC 6455 5.2).
    connection.send(&frame(DATA, 0, 1, b"\x81\x82\0\0\0\0hi")).await;
    assert_eq!(connection.data_until(|data| data.len() >= 4).await, b"\x81\x02hi");
    connection.send(&frame(DATA, 0, 1, b"\x88\x82\0\0\0\0\x0f\xa3")).await;
    assert_eq!(service.said.next_line().await.unwrap().unwrap(), "closed 4003");
    // One that says no, and one that a rule stops, answer as always.
    for (path, said) in [("/refused", "not here"), ("/blocked", "blocked_by_policy")] {
        let mut connection = RawHttp2::open(&service.daemon, &service.token, "ws.test").await;
        connection.send(&frame(HEADERS, END_HEADERS, 1, &head(path))).await;
        let answer = connection.answer().await;
        assert!(String::from_utf8_lossy(&answer.body).contains(said), "{path}: {answer:?}");
    }
    let events = recorded(&service.daemon, 3).await;
    assert!(events.iter().all(|event| event["method"] == "GET"), "{events:#?}");
}
