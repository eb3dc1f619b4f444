//! What agents and services may take: connections, bytes, time. Past it they get an answer, and others go on.

use std::time::Duration;

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onecli_tests::{
    daemon::Daemon,
    eventually,
    origin::Origin,
    proxy::{Tunnel, connect, raw, tls},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const HOST: &[&str] = &["api.test:443"];

async fn code(response: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, reply["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_an_end_take_little_memory() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, HOST, &[("RUST_LOG", "warn")]).await;
    let before = daemon.resident_kib();
    let head = format!("GET http://api.test/ HTTP/1.1\r\nX: {}", "x".repeat(400_000));
    let mut streams = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(&daemon.gateway).await.unwrap();
        // It is closed long before all of it is there.
        let _ = stream.write_all(head.as_bytes()).await;
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let grown = daemon.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "grown by {grown} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_past_the_limit_are_closed_and_others_go_on() {
    let origin = Origin::start().await;
    let settings = [("ONECLI_MAX_CONNECTIONS", "40"), ("ONECLI_MAX_CONNECTIONS_PER_AGENT", "10")];
    let daemon = Daemon::with(&origin, HOST, &settings).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let mut connected = Vec::new();
    for _ in 0..9 {
        let (stream, answer) = connect(&daemon, &token, "api.test:443").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        connected.push(stream);
    }
    let (_, answer) = connect(&daemon, &token, "api.test:443").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("too_busy"), "{answer}");
    let other = daemon.json(&["agents", "create", "other"]).await;
    let (stream, answer) = connect(&daemon, other["accessToken"].as_str().unwrap(), "api.test:443").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "one agent leaves room for others: {answer}");
    drop(stream);
    // Now without any token.
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(TcpStream::connect(&daemon.gateway).await.unwrap());
    }
    eventually("the last ones are closed", || async {
        let mut stream = TcpStream::connect(&daemon.gateway).await.unwrap();
        matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)).then_some(())
    })
    .await;
    assert_eq!(tunnel.get("api.test", "/x").await.status(), 200, "who is there already is served");
    assert_eq!(daemon.get("/v1/health").await["status"], "ok");
    drop((silent, connected));
    eventually("there is room again", || async {
        let stream = TcpStream::connect(&daemon.gateway).await.unwrap();
        drop(stream);
        let (_, answer) = connect_or_nothing(&daemon, &token).await?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

async fn connect_or_nothing(daemon: &Daemon, token: &str) -> Option<(TcpStream, String)> {
    let mut stream = TcpStream::connect(&daemon.gateway).await.ok()?;
    let head = format!(
        "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await.ok().filter(|length| *length > 0)?;
    Some((stream, String::from_utf8_lossy(&answer[..length]).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_413_however_it_is_framed() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, HOST, &[("ONECLI_MAX_BODY_BYTES", "1000")]).await;
    let token = daemon.token().await;
    let announced = |length: usize| {
        http::Request::post("/echo").header("host", "api.test").body(Full::from(vec![b'x'; length])).unwrap()
    };
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    assert_eq!(tunnel.send(announced(1000)).await.status(), 200);
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    assert_eq!(code(tunnel.send(announced(1001)).await).await, (413, "request_too_large".into()));
    let mut stream = tls(&daemon, &token, "api.test:443", "api.test", "http/1.1").await;
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let request = format!(
        "POST /echo HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("request_too_large"), "{answer}");
    assert_eq!(origin.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_504() {
    let origin = Origin::start().await;
    let settings =
        [("ONECLI_FIRST_BYTE_SECONDS", "1"), ("ONECLI_CONNECT_SECONDS", "1"), ("ONECLI_STALL_SECONDS", "1")];
    let daemon = Daemon::with(&origin, HOST, &settings).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    assert_eq!(code(tunnel.get("api.test", "/wait").await).await, (504, "upstream_timeout".into()));
    // It begins to answer, and goes on no more.
    let response = tunnel.get("api.test", "/stream/2").await;
    origin.release_chunk();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err(), "it is cut off");
    eventually("the event", || async {
        daemon.audit().await.iter().any(|event| event["error"] == "upstream_stalled").then_some(())
    })
    .await;
    // It takes the connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut daemon = Daemon::before(silent.local_addr().unwrap(), &origin.ca_pem, HOST, &settings);
    daemon.launch().await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    assert_eq!(code(tunnel.get("api.test", "/x").await).await, (504, "upstream_timeout".into()));
}

type Pieces = http_body_util::channel::Channel<bytes::Bytes, std::convert::Infallible>;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_last_but_not_stall() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, HOST, &[("ONECLI_STALL_SECONDS", "1")]).await;
    let token = daemon.token().await;
    let send = async |pauses: &'static [u64]| {
        let stream = tls(&daemon, &token, "api.test:443", "api.test", "h2").await;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let pieces = futures_util::stream::unfold(pauses.iter(), |mut left| async {
            let pause = left.next()?;
            // The pause is what is tried here.
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            Some((Ok::<_, std::convert::Infallible>(Frame::data(bytes::Bytes::from_static(b"x"))), left))
        });
        let request =
            http::Request::post("https://api.test/count").body(StreamBody::new(Box::pin(pieces))).unwrap();
        sender.send_request(request).await.unwrap()
    };
    // Twice as long as a pause may be, in all.
    assert_eq!(send(&[0, 500, 500, 500, 500]).await.status(), 200);
    assert_eq!(code(send(&[0, 3000]).await).await, (408, "request_timeout".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_given_up() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, HOST, &[("ONECLI_STALL_SECONDS", "2")]).await;
    let token = daemon.token().await;
    let mut stream = tls(&daemon, &token, "api.test:443", "api.test", "http/1.1").await;
    stream.write_all(b"GET /bytes/100000000 HTTP/1.1\r\nHost: api.test\r\n\r\n").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    eventually("it is given up", || async {
        daemon.audit().await.iter().any(|event| event["error"] == "client_gone").then_some(())
    })
    .await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_its_answer() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, HOST).await;
    let token = daemon.token().await;
    let stream = tls(&daemon, &token, "api.test:443", "api.test", "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut pieces, body) = Pieces::new(1);
    let request = http::Request::post("https://api.test/early").body(body).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap();
    // What is sent from here on would be neither watched nor recorded.
    eventually("the rest is refused", || {
        let sent = pieces.try_send(Frame::data(bytes::Bytes::from(vec![0; 64 * 1024])));
        async move { sent.err().map(drop) }
    })
    .await;
    let event = &daemon.audit().await[0];
    assert_eq!((&event["decision"], &event["path"]), (&"allowed".into(), &"/early".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_be_read_although_a_body_was_coming() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, HOST).await;
    daemon.json(&["rules", "create", "no", "--action", "block", "--host", "api.test"]).await;
    let file = daemon.home().join("body");
    std::fs::write(&file, vec![b'x'; 60_000]).unwrap();
    let body = format!("@{}", file.display());
    for version in ["--http2", "--http1.1"] {
        for _ in 0..8 {
            let arguments = ["curl", "-sS", version, "--data-binary", &body, "https://api.test/x"];
            let output = daemon.run(&arguments).await;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("blocked_by_policy"), "{version}: {output:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_is_no_place_for_a_book() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, HOST).await;
    let token = daemon.token().await;
    let method = "M".repeat(33);
    let request = format!(
        "{method} http://api.test/ HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    assert!(raw(&daemon, request.as_bytes()).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_tokens_is_slowed_and_others_at_that_address_go_on() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, HOST).await;
    let known = daemon.token().await;
    let other = daemon.json(&["agents", "create", "other"]).await;
    let other = other["accessToken"].as_str().unwrap();
    let status = async |token: &str| {
        let (_, answer) = connect(&daemon, token, "api.test:443").await;
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(status(&known).await, 200);
    for number in 0..30 {
        assert_eq!(status(&format!("aoc_{number}")).await, 407);
    }
    let (_, answer) = connect(&daemon, "aoc_31", "api.test:443").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    let lower = answer.to_ascii_lowercase();
    assert!(lower.contains("retry-after: 60") && lower.contains("connection: close"), "{answer}");
    // Who is right is served, also for the first time: nobody locks others out.
    assert_eq!(status(&known).await, 200);
    assert_eq!(status(other).await, 200);
    assert_eq!(status("aoc_32").await, 429);
    // One event for all of it, as of every source without a valid token.
    eventually("all of them are counted", || async {
        let events = daemon.audit().await;
        let guesses: Vec<_> = events.iter().filter(|event| event["agentId"].is_null()).collect();
        assert!(guesses.len() <= 2, "{guesses:?}");
        let counted: u64 = guesses.iter().map(|event| event["count"].as_u64().unwrap()).sum();
        (counted == 32).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_never_end_leave_room_for_more() {
    // It takes 200 streams on a connection.
    let origin = Origin::with(&["h2"], None).await;
    let daemon = Daemon::with(&origin, HOST, &[("RUST_LOG", "warn")]).await;
    let token = daemon.token().await;
    let mut running = Vec::new();
    for _ in 0..3 {
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
        for _ in 0..150 {
            let asking = tunnel.get("api.test", "/stream/1");
            let response = tokio::time::timeout(Duration::from_secs(10), asking).await.expect("it has room");
            assert_eq!(response.status(), 200);
            running.push(response);
        }
        running.push(tunnel.get("api.test", "/x").await);
    }
    assert_eq!(running.len(), 453);
}
