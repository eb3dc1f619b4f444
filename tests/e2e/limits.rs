//! "N per window" is never exceeded, by whatever way it is tried.

use std::{collections::HashMap, sync::Arc};

use http_body_util::{BodyExt, Full};
use onecli_tests::{daemon::Daemon, origin::Origin, proxy::Tunnel};
use serde_json::{Value, json};

const RULE: [&str; 12] = [
    "rules",
    "create",
    "budget",
    "--action",
    "rate_limit",
    "--limit",
    "20",
    "--per",
    "hour",
    "--host",
    "api.test",
    "--json",
];

/// Sends requests at once, over both versions of HTTP, and counts the answers by status.
async fn flood(daemon: &Daemon, token: &str, requests: usize) -> HashMap<u16, usize> {
    const CONNECTIONS: usize = 8;
    let start = Arc::new(tokio::sync::Barrier::new(CONNECTIONS));
    let mut senders = Vec::new();
    for number in 0..CONNECTIONS {
        let mut tunnel =
            Tunnel::open(daemon, token, "api.test", if number % 2 == 0 { "h2" } else { "http/1.1" }).await;
        let start = Arc::clone(&start);
        senders.push(tokio::spawn(async move {
            start.wait().await;
            let mut statuses = Vec::new();
            for _ in 0..requests / CONNECTIONS {
                let response = tunnel.get("api.test", "/x").await;
                statuses.push(response.status().as_u16());
                response.into_body().collect().await.unwrap();
            }
            statuses
        }));
    }
    let mut counts = HashMap::new();
    for sender in senders {
        for status in sender.await.unwrap() {
            *counts.entry(status).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_of_eighty_at_once_pass_a_limit_of_twenty() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.json(&RULE).await;
    let token = daemon.token().await;
    assert_eq!(flood(&daemon, &token, 80).await, HashMap::from([(200, 20), (429, 60)]));
    assert_eq!(origin.received().len(), 20);
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let response = tunnel.get("api.test", "/x").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-onecli-error"]),
        (429, &"rate_limited".parse().unwrap())
    );
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3660).contains(&wait), "{wait}");
    let reply: Value =
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(
        (&reply["rule"], &reply["limit"], &reply["window"], &reply["retryAfter"]),
        (&json!("budget"), &json!(20), &json!("hour"), &json!(wait))
    );
    let events = daemon.audit().await;
    let of = |decision: &str| {
        events.iter().filter(|event| event["decision"] == decision).cloned().collect::<Vec<_>>()
    };
    let mut used: Vec<u64> =
        of("allowed").iter().map(|event| event["limits"][0]["used"].as_u64().unwrap()).collect();
    used.sort_unstable();
    assert_eq!(used, (1..=20).collect::<Vec<_>>(), "each taking is its own");
    assert_eq!(of("rate_limited").len(), 61);
    // Another agent has its own count.
    let other = daemon.json(&["agents", "create", "other"]).await;
    let mut tunnel = Tunnel::open(&daemon, other["accessToken"].as_str().unwrap(), "api.test", "h2").await;
    assert_eq!(tunnel.get("api.test", "/x").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_outlives_a_crash() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.json(&RULE).await;
    let token = daemon.token().await;
    assert_eq!(flood(&daemon, &token, 8).await, HashMap::from([(200, 8)]));
    daemon.kill().await;
    daemon.launch().await;
    assert_eq!(flood(&daemon, &token, 72).await, HashMap::from([(200, 12), (429, 60)]));
    assert_eq!(origin.received().len(), 20);
}

/// Sends requests, each of which waits for its answer, until the connection breaks off.
async fn send_until_cut_off(mut tunnel: Tunnel) {
    let Tunnel::Http2(sender) = &mut tunnel else { unreachable!("it speaks HTTP/2") };
    let waiting = || http::Request::get("https://api.test/wait").body(Full::default()).unwrap();
    while sender.send_request(waiting()).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_outlives_a_crash_in_the_middle_of_a_flood() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.json(&RULE).await;
    let token = daemon.token().await;
    let mut senders = Vec::new();
    for _ in 0..8 {
        let tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
        senders.push(tokio::spawn(send_until_cut_off(tunnel)));
    }
    for _ in 0..3 {
        origin.release_chunk();
    }
    let has_received = async |count| {
        onecli_tests::eventually("the flood", || async { (origin.received().len() == count).then_some(()) })
            .await;
    };
    has_received(8 + 3).await;
    daemon.kill().await;
    for sender in senders {
        sender.await.unwrap();
    }
    daemon.launch().await;
    assert_eq!(flood(&daemon, &token, 80).await, HashMap::from([(200, 20 - 11), (429, 71)]));
    assert_eq!(origin.received().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_costs_nothing_and_all_limits_count_together() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let limit = async |name: &str, number: &str, path: &str| {
        let rule = [
            "rules",
            "create",
            name,
            "--action",
            "rate_limit",
            "--limit",
            number,
            "--per",
            "hour",
            "--host",
            "api.test",
            "--path",
            path,
        ];
        daemon.json(&rule).await
    };
    limit("tight", "2", "/tight/*").await;
    limit("all", "4", "*").await;
    daemon
        .json(&["rules", "create", "stop", "--action", "block", "--host", "api.test", "--path", "/stop"])
        .await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let mut get = async |path: &str| tunnel.get("api.test", path).await.status().as_u16();
    for _ in 0..5 {
        assert_eq!(get("/stop").await, 403);
    }
    assert_eq!((get("/tight/1").await, get("/tight/2").await), (200, 200));
    for _ in 0..5 {
        assert_eq!(get("/tight/3").await, 429, "takes none of the wider limit");
    }
    assert_eq!((get("/a").await, get("/b").await, get("/c").await), (200, 200, 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn children_count_with_their_parent_and_a_limit_is_a_grant() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["api.test:443"], &[("ONECLI_DEFAULT_POLICY", "deny")]).await;
    let rule = [
        "rules",
        "create",
        "few",
        "--action",
        "rate_limit",
        "--limit",
        "3",
        "--per",
        "day",
        "--host",
        "api.test",
    ];
    daemon.json(&rule).await;
    let mut statuses = Vec::new();
    for name in ["one", "two"] {
        let body = json!({"name": name, "identifier": name, "parentIdentifier": "default"});
        let child: Value =
            daemon.call(reqwest::Method::POST, "/v1/agents", Some(body)).await.json().await.unwrap();
        let mut tunnel =
            Tunnel::open(&daemon, child["accessToken"].as_str().unwrap(), "api.test", "h2").await;
        for _ in 0..2 {
            statuses.push(tunnel.get("api.test", "/x").await.status().as_u16());
        }
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}
