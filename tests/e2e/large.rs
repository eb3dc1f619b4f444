//! Large bodies and long streams take no more memory than small ones.

use std::fs;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use onecli_tests::{daemon::Daemon, origin::Origin, proxy::Tunnel};

const LARGE: usize = 100 * 1024 * 1024;
/// A gibibyte.
const MEBIBYTES: usize = 1024;
const EVENTS: usize = 100_000;
/// How much the daemon may grow while all of it passes.
const GROWTH_KB: u64 = 8 * 1024;

/// Its log would be larger than what it serves.
const QUIET: &[(&str, &str)] = &[("RUST_LOG", "warn")];

async fn download(daemon: &Daemon, token: &str, alpn: &str, path: &str, length: usize) {
    let mut tunnel = Tunnel::open(daemon, token, "api.test", alpn).await;
    let mut body = tunnel.get("api.test", path).await.into_body().into_data_stream();
    let mut received = 0;
    while let Some(piece) = body.next().await {
        received += piece.unwrap().len();
    }
    assert_eq!(received, length);
}

async fn upload(daemon: &Daemon, version: &str, length: usize) {
    let file = daemon.home().join("large");
    fs::write(&file, vec![b'u'; length]).unwrap();
    let upload = format!("@{}", file.display());
    let arguments = ["curl", "-sS", version, "--data-binary", &upload, "https://api.test/count"];
    let output = daemon.run(&arguments).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), length.to_string(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_in_constant_memory() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["api.test:443"], QUIET).await;
    let token = daemon.token().await;
    for (alpn, version) in [("http/1.1", "--http1.1"), ("h2", "--http2")] {
        // Once small, so that buffers and connections stand.
        download(&daemon, &token, alpn, "/mebibytes/2", 2 << 20).await;
        upload(&daemon, version, LARGE / 50).await;
        let before = daemon.resident_kib();
        download(&daemon, &token, alpn, &format!("/mebibytes/{MEBIBYTES}"), MEBIBYTES << 20).await;
        upload(&daemon, version, LARGE).await;
        let grown = daemon.resident_kib().saturating_sub(before);
        assert!(grown < GROWTH_KB, "{alpn}: grown by {grown} KiB");
    }
    let bytes = |event: &serde_json::Value, field: &str| event[field].as_u64();
    let events = daemon.audit().await;
    assert_eq!(events.iter().filter(|event| bytes(event, "requestBytes") == Some(LARGE as u64)).count(), 2);
    let whole = Some((MEBIBYTES << 20) as u64);
    assert_eq!(events.iter().filter(|event| bytes(event, "responseBytes") == whole).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_a_hundred_thousand_events_comes_as_it_is_sent() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["api.test:443"], QUIET).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    let response = tunnel.get("api.test", &format!("/stream/{EVENTS}")).await;
    let mut body = response.into_body().into_data_stream();
    let mut before = 0;
    for number in 0..EVENTS {
        // The service has not sent the next one yet.
        origin.release_chunk();
        assert_eq!(body.next().await.unwrap().unwrap(), Bytes::from(format!("chunk {number}\n")));
        if number == EVENTS / 10 {
            before = daemon.resident_kib();
        }
    }
    assert!(body.next().await.is_none());
    let grown = daemon.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KB, "grown by {grown} KiB");
}
