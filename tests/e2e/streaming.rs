//! Nothing is held back, in either direction, whatever the two sides speak.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt;
use http::Request;
use http_body_util::{BodyExt, Full, channel::Channel};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::Origin,
    proxy::{Tunnel, tls},
};

/// What the agent and the service speak.
const PAIRINGS: [(&str, &str); 4] =
    [("http/1.1", "http/1.1"), ("http/1.1", "h2"), ("h2", "http/1.1"), ("h2", "h2")];

#[tokio::test(flavor = "multi_thread")]
async fn every_pairing_of_versions_carries_request_and_response() {
    for (agent, service) in PAIRINGS {
        let origin = Origin::with(&[service], None).await;
        let daemon = Daemon::start(&origin, &["api.test:443"]).await;
        daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
        let token = daemon.token().await;
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", agent).await;
        for length in [0, 1, 100_000] {
            let request = match agent {
                "h2" => Request::post("https://api.test/echo?q=1"),
                _ => Request::post("/echo?q=1").header("host", "api.test"),
            };
            let body = Bytes::from(vec![b'y'; length]);
            let response = tunnel.send(request.body(Full::new(body.clone())).unwrap()).await;
            assert_eq!(response.status(), 200, "{agent} to {service}");
            let announced =
                response.headers().get("content-length").map(|value| value.to_str().unwrap().to_owned());
            // An HTTP/2 service need not announce a length of 0: its stream just ends.
            let length = Some(length.to_string()).filter(|length| length != "0" || announced.is_some());
            assert_eq!(announced, length, "{agent} to {service}");
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
            let received = origin.last();
            assert_eq!(received.version == http::Version::HTTP_2, service == "h2");
            assert_eq!(received.header("x-key"), Some(CANARY));
            assert_eq!(received.body, body);
        }
        let response = tunnel.get("api.test", "/headers").await;
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
        assert!(response.headers().get("x-onecli-error").is_none(), "only the gateway speaks as the gateway");
        response.into_body().collect().await.unwrap();
        let events = daemon.audit().await;
        assert_eq!(events.len(), 4, "{events:#?}");
        assert_eq!(
            (&events[1]["requestBytes"], &events[1]["responseBytes"]),
            (&100_000.into(), &100_000.into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chunk_of_a_response_comes_as_it_is_sent() {
    for (agent, service) in PAIRINGS {
        let origin = Origin::with(&[service], None).await;
        let daemon = Daemon::start(&origin, &["api.test:443"]).await;
        let token = daemon.token().await;
        let response =
            Tunnel::open(&daemon, &token, "api.test", agent).await.get("api.test", "/stream/3").await;
        let mut body = response.into_body().into_data_stream();
        for number in 0..3 {
            origin.release_chunk();
            let chunk = body.next().await.unwrap().unwrap();
            assert_eq!(chunk, format!("chunk {number}\n"), "{agent} to {service}");
        }
        let end = body.next().await.filter(|end| !matches!(end, Ok(empty) if empty.is_empty()));
        assert!(end.is_none(), "{agent} to {service}: {end:?}");
        // By now the end is in the log, since it was passed on.
        assert_eq!(daemon.audit().await[0]["responseBytes"], 24);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chunk_of_a_request_goes_as_it_comes() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let token = daemon.token().await;
    let stream = tls(&daemon, &token, "api.test:443", "api.test", "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut pieces, body) = Channel::<Bytes, Infallible>::new(1);
    let response =
        sender.send_request(Request::post("https://api.test/echo-stream").body(body).unwrap()).await.unwrap();
    let mut echoed = response.into_body().into_data_stream();
    for number in 0..3 {
        let piece = Bytes::from(format!("piece {number}"));
        pieces.send(Frame::data(piece.clone())).await.unwrap();
        assert_eq!(echoed.next().await.unwrap().unwrap(), piece);
    }
    drop(pieces);
    let end = echoed.next().await.filter(|end| !matches!(end, Ok(empty) if empty.is_empty()));
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_recorded_so() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
    let response = tunnel.get("api.test", "/stream/2").await;
    drop((response, tunnel));
    onecli_tests::eventually("the event", || async {
        let events = daemon.audit().await;
        events
            .iter()
            .any(|event| event["decision"] == "allowed" && event["error"] == "client_gone")
            .then_some(())
    })
    .await;
}
