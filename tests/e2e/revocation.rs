//! What is running ends within a second once its permit no longer holds, and is recorded so.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, channel::Channel};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onecli_tests::{
    daemon::Daemon,
    origin::Origin,
    proxy::{Tunnel, connect, tls},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The promise. Only what comes after it fails, so that a slow machine does not.
const PROMISED: Duration = Duration::from_secs(1);

struct Case {
    origin: Origin,
    daemon: Daemon,
    /// The path of the agent in the API.
    agent: String,
    token: String,
}

impl Case {
    async fn start() -> Self {
        let origin = Origin::start().await;
        let settings = [("ONECLI_PASSTHROUGH_HOSTS", "pinned.test")];
        let daemon = Daemon::with(&origin, &["api.test:443", "pinned.test:443"], &settings).await;
        let mut case = Self { origin, daemon, agent: String::new(), token: String::new() };
        case.renew().await;
        case
    }

    /// Takes a new agent.
    async fn renew(&mut self) {
        let identifier = format!("agent-{}", self.daemon.get("/v1/agents").await.as_array().unwrap().len());
        let body = json!({"name": identifier, "identifier": identifier});
        let agent: Value =
            self.daemon.call(Method::POST, "/v1/agents", Some(body)).await.json().await.unwrap();
        self.agent = format!("/v1/agents/{}", agent["id"].as_str().unwrap());
        self.token = agent["accessToken"].as_str().unwrap().to_owned();
    }

    async fn change(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.daemon.call(method, path, body).await;
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap_or_default()
    }

    /// The one event that says `revoked`, with what it must say.
    async fn revoked(&self, path: &Value, error: &str) -> Value {
        onecli_tests::eventually("the event", || async {
            let mut events = self.daemon.audit().await;
            events.retain(|event| event["agentId"] == self.agent.rsplit('/').next().unwrap());
            let of_path: Vec<_> = events.iter().filter(|event| event["path"] == *path).collect();
            let [event] = of_path[..] else { return None };
            assert_eq!(
                (&event["decision"], &event["error"]),
                (&json!("revoked"), &json!(error)),
                "{event:#?}"
            );
            Some(event.clone())
        })
        .await
    }
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    Disabled,
    Deleted,
    NewToken,
}

impl Cause {
    async fn happen(self, case: &Case) -> Instant {
        let since = Instant::now();
        match self {
            Self::Disabled => {
                drop(case.change(Method::PATCH, &case.agent, Some(json!({"enabled": false}))).await)
            }
            Self::Deleted => drop(case.change(Method::DELETE, &case.agent, None).await),
            Self::NewToken => {
                drop(case.change(Method::POST, &format!("{}/regenerate-token", case.agent), None).await);
            }
        }
        since
    }
}

const CAUSES: [Cause; 3] = [Cause::Disabled, Cause::Deleted, Cause::NewToken];

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_permit() {
    let mut case = Case::start().await;
    for alpn in ["http/1.1", "h2"] {
        for cause in CAUSES {
            case.renew().await;
            let mut tunnel = Tunnel::open(&case.daemon, &case.token, "api.test", alpn).await;
            let mut body = tunnel.get("api.test", "/stream/9").await.into_body();
            case.origin.release_chunk();
            assert!(body.frame().await.unwrap().is_ok());
            let since = cause.happen(&case).await;
            let end = body.frame().await;
            assert!(matches!(end, Some(Err(_))), "{cause:?} over {alpn}: it is cut off, not ended: {end:?}");
            assert!(since.elapsed() < PROMISED, "{cause:?} over {alpn}: {:?}", since.elapsed());
            case.revoked(&json!("/stream/9"), "proxy_auth_required").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_block_ends_what_it_matches_and_nothing_else() {
    let case = Case::start().await;
    let mut tunnel = Tunnel::open(&case.daemon, &case.token, "api.test", "h2").await;
    let mut kept = tunnel.get("api.test", "/stream/9?kept").await.into_body();
    let mut ended = tunnel.get("api.test", "/stream/8").await.into_body();
    let rule =
        json!({"name": "stop", "hostPattern": "api.test", "pathPattern": "/stream/8", "action": "block"});
    let since = Instant::now();
    case.change(Method::POST, "/v1/rules", Some(rule)).await;
    assert!(matches!(ended.frame().await, Some(Err(_))));
    assert!(since.elapsed() < PROMISED, "{:?}", since.elapsed());
    assert_eq!(case.revoked(&json!("/stream/8"), "blocked_by_policy").await["ruleName"], "stop");
    for _ in 0..18 {
        case.origin.release_chunk();
    }
    assert!(kept.frame().await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_expires_ends_what_it_runs() {
    let mut case = Case::start().await;
    let body = json!({"name": "short", "identifier": "short", "ttlSeconds": 2});
    let since = Instant::now();
    let agent = case.change(Method::POST, "/v1/agents", Some(body)).await;
    case.agent = format!("/v1/agents/{}", agent["id"].as_str().unwrap());
    let token = agent["accessToken"].as_str().unwrap();
    let mut tunnel = Tunnel::open(&case.daemon, token, "api.test", "h2").await;
    let mut body = tunnel.get("api.test", "/stream/9").await.into_body();
    assert!(matches!(body.frame().await, Some(Err(_))));
    let elapsed = since.elapsed();
    assert!(elapsed > Duration::from_secs(1) && elapsed < Duration::from_secs(2) + PROMISED, "{elapsed:?}");
    case.revoked(&json!("/stream/9"), "proxy_auth_required").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_is_awaited_is_refused() {
    let mut case = Case::start().await;
    for cause in [Cause::Disabled, Cause::NewToken] {
        case.renew().await;
        let before = case.origin.received().len();
        let mut tunnel = Tunnel::open(&case.daemon, &case.token, "api.test", "http/1.1").await;
        let answer = tokio::spawn(async move { tunnel.get("api.test", "/wait").await.status() });
        onecli_tests::eventually("the request is there", || async {
            (case.origin.received().len() > before).then_some(())
        })
        .await;
        let since = cause.happen(&case).await;
        assert_eq!(answer.await.unwrap(), 407);
        assert!(since.elapsed() < PROMISED, "{cause:?}: {:?}", since.elapsed());
        case.revoked(&json!("/wait"), "proxy_auth_required").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_its_permit() {
    let case = Case::start().await;
    let stream = tls(&case.daemon, &case.token, "api.test:443", "api.test", "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut pieces, body) = Channel::<Bytes, Infallible>::new(1);
    let request = Request::post("https://api.test/upload").body(body).unwrap();
    let answer = tokio::spawn(async move { sender.send_request(request).await.unwrap().status() });
    pieces.send_data(Bytes::from_static(b"the beginning")).await.unwrap();
    onecli_tests::eventually("the upload", || async { (case.origin.begun() == 1).then_some(()) }).await;
    let since = Cause::Disabled.happen(&case).await;
    assert_eq!(answer.await.unwrap(), 407);
    assert!(since.elapsed() < PROMISED, "{:?}", since.elapsed());
    case.revoked(&json!("/upload"), "proxy_auth_required").await;
    assert!(case.origin.received().is_empty(), "the service did not get it whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_has_its_connection_closed() {
    let case = Case::start().await;
    let mut stream = tls(&case.daemon, &case.token, "api.test:443", "api.test", "http/1.1").await;
    stream.write_all(b"GET /bytes/300000000 HTTP/1.1\r\nHost: api.test\r\n\r\n").await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    let since = Cause::Disabled.happen(&case).await;
    case.revoked(&json!("/bytes/300000000"), "proxy_auth_required").await;
    assert!(since.elapsed() < PROMISED, "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_ends_with_its_permit() {
    let mut case = Case::start().await;
    for cause in CAUSES {
        case.renew().await;
        let (mut stream, answer) = connect(&case.daemon, &case.token, "pinned.test:443").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let since = cause.happen(&case).await;
        assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        assert!(since.elapsed() < PROMISED, "{cause:?}: {:?}", since.elapsed());
        case.revoked(&Value::Null, "proxy_auth_required").await;
    }
    case.renew().await;
    let (mut stream, _) = connect(&case.daemon, &case.token, "pinned.test:443").await;
    let rule = json!({"name": "stop", "hostPattern": "pinned.test", "pathPattern": "/x", "action": "block"});
    case.change(Method::POST, "/v1/rules", Some(rule)).await;
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert_eq!(case.revoked(&Value::Null, "blocked_by_policy").await["ruleName"], "stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_holds_goes_on() {
    let case = Case::start().await;
    let mut tunnel = Tunnel::open(&case.daemon, &case.token, "api.test", "http/1.1").await;
    let mut body = tunnel.get("api.test", "/stream/2").await.into_body();
    for name in ["one", "two"] {
        let rule = json!({"name": name, "hostPattern": "other.test", "action": "block"});
        case.change(Method::POST, "/v1/rules", Some(rule)).await;
        case.origin.release_chunk();
        assert!(body.frame().await.unwrap().is_ok());
    }
    assert!(body.frame().await.is_none());
    let request = Request::post("/echo").header("host", "api.test").body(Full::from("x")).unwrap();
    assert_eq!(tunnel.send(request).await.status(), 200);
}
