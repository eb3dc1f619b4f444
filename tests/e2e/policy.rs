//! What the rules say is in force at once, and before any secret is opened.

use http_body_util::BodyExt;
use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    origin::Origin,
    proxy::{Tunnel, raw},
};
use serde_json::{Value, json};

const OPTIONS: [&str; 6] = ["--host", "api.test", "--header", "authorization", "--format", "Bearer {value}"];

async fn body(response: http::Response<hyper::body::Incoming>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_request_opens_no_secret_and_says_why() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("api", CANARY, &OPTIONS).await;
    daemon
        .json(&[
            "rules",
            "create",
            "no-deletion",
            "--action",
            "block",
            "--host",
            "api.test",
            "--method",
            "DELETE",
        ])
        .await;
    let output =
        daemon.run(&["curl", "-sS", "-i", "-X", "DELETE", "https://api.test/repos/1?key=hidden"]).await;
    let answer = String::from_utf8(output.stdout.clone()).unwrap();
    let (head, text) = answer.rsplit_once("\r\n\r\n").unwrap();
    assert!(
        head.to_lowercase().contains("403") && head.contains("x-onecli-error: blocked_by_policy"),
        "{head}"
    );
    assert!(head.contains("x-should-retry: false"), "{head}");
    let reply: Value = serde_json::from_str(text).unwrap();
    assert_eq!(reply["error"], "blocked_by_policy");
    assert_eq!(
        (&reply["rule"], &reply["method"], &reply["host"], &reply["path"]),
        (&json!("no-deletion"), &json!("DELETE"), &json!("api.test"), &json!("/repos/1"))
    );
    assert!(origin.received().is_empty(), "nothing reached the service");
    assert_eq!(daemon.secret_opens().await, 0);
    let events = daemon.audit().await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["decision"], &events[0]["ruleName"], &events[0]["status"]),
        (&json!("blocked"), &json!("no-deletion"), &json!(403))
    );
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
}

async fn a_change_is_in_force_on_an_open_connection(alpn: &str) {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
    for _ in 0..5 {
        let response = tunnel.get("api.test", "/x").await;
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
        let rule = daemon.json(&["rules", "create", "stop", "--action", "block", "--host", "api.test"]).await;
        let response = tunnel.get("api.test", "/x").await;
        assert_eq!(response.status(), 403);
        assert_eq!(body(response).await["rule"], "stop");
        let deleted = daemon
            .call(reqwest::Method::DELETE, &format!("/v1/rules/{}", rule["id"].as_str().unwrap()), None)
            .await;
        assert!(deleted.status().is_success());
    }
    let response = tunnel.get("api.test", "/x").await;
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap();
    let regenerated = daemon.json(&["agents", "regenerate-token", "default"]).await;
    let response = tunnel.get("api.test", "/x").await;
    assert_eq!(response.status(), 407, "the old token stops at once");
    assert_eq!(body(response).await["error"], "proxy_auth_required");
    let fresh = regenerated["accessToken"].as_str().unwrap();
    assert_eq!(
        Tunnel::open(&daemon, fresh, "api.test", alpn).await.get("api.test", "/x").await.status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_on_an_open_http1_connection() {
    a_change_is_in_force_on_an_open_connection("http/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_on_an_open_http2_connection() {
    a_change_is_in_force_on_an_open_connection("h2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_agent_is_not_served() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let made = daemon.json(&["agents", "create", "bot"]).await;
    let mut tunnel = Tunnel::open(&daemon, made["accessToken"].as_str().unwrap(), "api.test", "h2").await;
    assert_eq!(tunnel.get("api.test", "/").await.status(), 200);
    let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
    daemon.call(reqwest::Method::PATCH, &path, Some(json!({"enabled": false}))).await;
    assert_eq!(tunnel.get("api.test", "/").await.status(), 407);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_valid_token_is_407_and_one_event_a_minute() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    for credentials in [
        "",
        "Proxy-Authorization: Bearer aoc_wrong\r\n",
        "Proxy-Authorization: Basic eDp5\r\n",
        "Proxy-Authorization: x\r\n",
    ] {
        for request in ["CONNECT api.test:443", "GET http://api.test/"] {
            let answer = raw(
                &daemon,
                format!("{request} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n{credentials}\r\n")
                    .as_bytes(),
            )
            .await;
            assert!(answer.starts_with("HTTP/1.1 407"), "{answer}");
            assert!(answer.contains("proxy-authenticate: Basic realm=\"OneCLI Gateway\""), "{answer}");
        }
    }
    assert!(origin.received().is_empty());
    let events = daemon.audit().await;
    // The minute may turn meanwhile.
    assert!((1..=2).contains(&events.len()), "{events:#?}");
    let last = events[0].clone();
    assert_eq!(
        (&last["decision"], &last["status"], &last["source"]),
        (&json!("refused"), &json!(407), &json!("127.0.0.1"))
    );
    onecli_tests::eventually("the count has grown to 8", || async {
        let sum: u64 = daemon.audit().await.iter().map(|event| event["count"].as_u64().unwrap()).sum();
        (sum == 8).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_denied_needs_a_grant() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["api.test:443"], &[("ONECLI_DEFAULT_POLICY", "deny")]).await;
    daemon.secret("api", CANARY, &OPTIONS).await;
    let url = "https://api.test/v1/x";
    let denied = daemon.run(&["curl", "-sS", url]).await;
    assert!(String::from_utf8_lossy(&denied.stdout).contains("blocked_by_default_policy"), "{denied:?}");
    assert_eq!(daemon.secret_opens().await, 0, "a secret that fits is no grant");
    daemon
        .json(&["rules", "create", "v1", "--action", "allow", "--host", "api.test", "--path", "/v1/*"])
        .await;
    let allowed = daemon.run(&["curl", "-sS", url]).await;
    assert_eq!(String::from_utf8_lossy(&allowed.stdout), "{\"hello\":\"agent\"}");
    let changed = daemon.cli(&["config", "set", "defaultPolicy", "allow"]).await;
    assert!(changed.status.success(), "{changed:?}");
    let allowed = daemon.run(&["curl", "-sS", "https://api.test/v2"]).await;
    assert_eq!(String::from_utf8_lossy(&allowed.stdout), "{\"hello\":\"agent\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_is_no_door_into_the_host() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(
        &origin,
        &["meta.test:443"],
        &[("ONECLI_ALLOW_PRIVATE", ""), ("ONECLI_RESOLVE", "meta.test:443=169.254.169.254:80")],
    )
    .await;
    let refused = async |url: &str| {
        let output =
            daemon.command(&["run", "--", "curl", "-sS", "--noproxy", "", url]).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("destination_not_allowed"), "{url}: {output:?}");
    };
    let (gateway, api) = (format!("http://{}/", daemon.gateway), format!("{}/v1/health", daemon.api));
    for url in [
        &origin_url(&origin),
        &gateway,
        &api,
        "https://meta.test/",
        "http://169.254.169.254/",
        "http://metadata.google.internal/",
        "http://0.0.0.0/",
    ] {
        refused(url).await;
    }
    let opened = daemon.cli(&["config", "set", "allowPrivate", "0.0.0.0/0"]).await;
    assert!(opened.status.success(), "{opened:?}");
    for url in [&gateway, &api, "https://meta.test/", "http://169.254.169.254/"] {
        refused(url).await;
    }
    assert!(origin.received().is_empty());
}

fn origin_url(origin: &Origin) -> String {
    format!("https://{}/", origin.address)
}
