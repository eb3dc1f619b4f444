//! Services that break off, clients that leave, and a gateway that stops: each exchange ends, once, and nothing is done twice.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use onecli_tests::{
    daemon::Daemon,
    eventually,
    faulty_origin::{Fault, FaultyOrigin},
    origin::Origin,
    proxy::{Tunnel, connect},
};
use serde_json::Value;
use tokio::net::TcpStream;

const HOST: &[&str] = &["api.test:443"];
const AGENTS: [&str; 2] = ["http/1.1", "h2"];

async fn before(origin: &FaultyOrigin, settings: &[(&str, &str)]) -> (Daemon, String) {
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, HOST, settings);
    daemon.launch().await;
    let token = daemon.token().await;
    (daemon, token)
}

fn request(alpn: &str, method: Method, body: &'static str) -> Request<Full<Bytes>> {
    let request = match alpn {
        "h2" => Request::builder().uri("https://api.test/x"),
        _ => Request::builder().uri("/x").header("host", "api.test"),
    };
    request.method(method).body(Full::from(body)).unwrap()
}

async fn refusal(response: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, reply["error"].as_str().unwrap_or_default().to_owned())
}

/// The only event whose path is `/x`, once it is there.
async fn event(daemon: &Daemon) -> Value {
    let events: Vec<Value> = daemon.audit().await.into_iter().filter(|event| event["path"] == "/x").collect();
    assert_eq!(events.len(), 1, "{events:?}");
    events[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_before_its_head_is_whole_is_502_and_is_asked_once() {
    for says in ["", "HTTP/1.1 200 OK\r\ncontent-", "nonsense\r\n\r\n"] {
        for alpn in AGENTS {
            for (method, body) in [(Method::GET, ""), (Method::POST, "x"), (Method::PUT, "x")] {
                let origin = FaultyOrigin::start(Fault::Says(says)).await;
                let (daemon, token) = before(&origin, &[]).await;
                let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
                let answer = refusal(tunnel.send(request(alpn, method.clone(), body)).await).await;
                assert_eq!(answer, (502, "bad_gateway".into()), "{says:?} {alpn} {method}");
                assert_eq!(origin.requests(), 1, "{says:?} {alpn} {method}");
                let event = event(&daemon).await;
                assert_eq!((&event["decision"], &event["error"]), (&"failed".into(), &"bad_gateway".into()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_dies_within_its_body_cuts_the_response_off() {
    let says = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for says in [says, chunked] {
        for alpn in AGENTS {
            let origin = FaultyOrigin::start(Fault::Says(says)).await;
            let (daemon, token) = before(&origin, &[]).await;
            let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
            let response = tunnel.send(request(alpn, Method::GET, "")).await;
            assert_eq!(response.status(), 200);
            assert!(response.into_body().collect().await.is_err(), "{alpn}: it must not look whole");
            let event = event(&daemon).await;
            assert_eq!(
                (&event["decision"], &event["error"], &event["status"], &event["responseBytes"]),
                (&"allowed".into(), &"upstream_aborted".into(), &200.into(), &4.into())
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_closed_connection_may_have_done_is_not_done_again() {
    for (method, body, sent_again) in [
        (Method::GET, "", true),
        (Method::DELETE, "", true),
        (Method::POST, "", false),
        (Method::POST, "x", false),
        (Method::PATCH, "x", false),
        // Idempotent, but it is meant as another one; or its body is gone.
        (Method::OPTIONS, "", false),
        (Method::PUT, "x", false),
    ] {
        let origin = FaultyOrigin::start(Fault::ClosesAfterOne).await;
        let (daemon, token) = before(&origin, &[]).await;
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "http/1.1").await;
        let first = Request::get("/first").header("host", "api.test").body(Full::default()).unwrap();
        let first = tunnel.send(first).await;
        assert_eq!(first.status(), 200);
        first.into_body().collect().await.unwrap();
        // The service takes it on the connection that was kept, and closes.
        let mut second = request("http/1.1", method.clone(), body);
        if method == Method::OPTIONS {
            second.headers_mut().insert("x-http-method-override", "POST".parse().unwrap());
        }
        let answer = refusal(tunnel.send(second).await).await;
        let event = event(&daemon).await;
        match sent_again {
            true => {
                assert_eq!((answer.0, origin.requests()), (200, 3), "{method}");
                assert!(event["reason"].as_str().unwrap().starts_with("sent again"), "{event}");
            }
            false => assert_eq!((answer, origin.requests()), ((502, "bad_gateway".into()), 2), "{method}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_request_along() {
    let settings = [("ONECLI_MAX_CONNECTIONS_PER_AGENT", "1")];
    for alpn in AGENTS {
        let origin = FaultyOrigin::start(Fault::Waits).await;
        let (daemon, token) = before(&origin, &settings).await;
        let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
        {
            let asking = tunnel.send(request(alpn, Method::POST, "x"));
            tokio::pin!(asking);
            let arrived = eventually("it arrives", || async { (origin.requests() == 1).then_some(()) });
            tokio::select! {
                () = arrived => {}
                response = &mut asking => panic!("{response:?}"),
            }
        }
        drop(tunnel);
        eventually("the service is left", || async { (origin.left() == 1).then_some(()) }).await;
        let event = eventually("the event", || async {
            daemon.audit().await.into_iter().find(|event| event["path"] == "/x")
        })
        .await;
        assert_eq!((&event["decision"], &event["error"]), (&"failed".into(), &"client_gone".into()));
        // Its place is free again.
        eventually("its place is free", || async {
            let (_, answer) = connect(&daemon, &token, "api.test:443").await;
            answer.starts_with("HTTP/1.1 200").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_that_is_left_ends_alone() {
    let origin = Origin::with(&["h2"], None).await;
    let daemon = Daemon::start(&origin, HOST).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let (left, mut stays) =
        (tunnel.get("api.test", "/stream/1").await, tunnel.get("api.test", "/stream/2").await);
    drop(left);
    eventually("the event", || async {
        daemon.audit().await.iter().any(|event| event["error"] == "client_gone").then_some(())
    })
    .await;
    origin.release_chunk();
    origin.release_chunk();
    origin.release_chunk();
    let frame = tokio::time::timeout(Duration::from_secs(10), stays.body_mut().frame()).await;
    assert!(frame.unwrap().unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lets_what_runs_end_and_takes_nothing_more() {
    let origin = Origin::start().await;
    for alpn in AGENTS {
        let mut daemon = Daemon::with(&origin, HOST, &[("ONECLI_DRAIN_SECONDS", "20")]).await;
        let token = daemon.token().await;
        let mut idle = Tunnel::open(&daemon, &token, "api.test", alpn).await;
        idle.get("api.test", "/first").await.into_body().collect().await.unwrap();
        let mut busy = Tunnel::open(&daemon, &token, "api.test", alpn).await;
        let response = busy.get("api.test", "/stream/1").await;
        let gateway = daemon.gateway.clone();
        let client = async {
            eventually("the port is closed", || async {
                TcpStream::connect(&gateway).await.is_err().then_some(())
            })
            .await;
            assert!(idle.try_get("api.test", "/more").await.is_none(), "idle connections are closed");
            origin.release_chunk();
            response.into_body().collect().await.unwrap().to_bytes()
        };
        let (code, body) = tokio::join!(daemon.stop(), client);
        assert_eq!((code, &body[..]), (Some(0), &b"chunk 0\n"[..]), "{alpn}");
        daemon.launch().await;
        let events = daemon.audit().await;
        let streamed: Vec<_> = events.iter().filter(|event| event["path"] == "/stream/1").collect();
        assert_eq!(streamed.len(), 1);
        assert_eq!((&streamed[0]["decision"], &streamed[0]["error"]), (&"allowed".into(), &Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_cut_off_and_says_so() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::with(&origin, HOST, &[("ONECLI_DRAIN_SECONDS", "1")]).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let response = tunnel.get("api.test", "/stream/2").await;
    let (code, body) = tokio::join!(daemon.stop(), response.into_body().collect());
    assert_eq!(code, Some(0));
    assert!(body.is_err());
    daemon.launch().await;
    let events = daemon.audit().await;
    let cut = events.iter().find(|event| event["path"] == "/stream/2").unwrap();
    assert_eq!((&cut["decision"], &cut["error"]), (&"interrupted".into(), &"gateway_stopped".into()));
}
