//! Several daemons on one database: one system.

use std::time::Duration;

use http_body_util::BodyExt;
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    eventually,
    frozen_link::FrozenLink,
    origin::Origin,
    postgres::{PASSWORD, Postgres, client, shared},
    proxy::{Tunnel, connect},
};
use reqwest::Method;
use serde_json::{Value, json};

pub(super) const HOST: &[&str] = &["api.test:443", "limited.test:443"];
pub(super) const KEY: (&str, &str) =
    ("SECRET_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");

/// Daemons that are not running yet.
fn prepared(origin: &Origin, url: &str, number: usize, more: &[(&str, &str)]) -> Vec<Daemon> {
    let mut settings = vec![("DATABASE_URL", url), KEY, ("RUST_LOG", "info")];
    settings.extend(more);
    (0..number).map(|_| Daemon::prepare(origin, HOST, &settings)).collect()
}

async fn launched(origin: &Origin, url: &str, number: usize, more: &[(&str, &str)]) -> Vec<Daemon> {
    let mut daemons = prepared(origin, url, number, more);
    futures_util::future::join_all(daemons.iter_mut().map(Daemon::launch)).await;
    daemons
}

async fn status(daemon: &Daemon, token: &str) -> u16 {
    let (_, answer) = connect(daemon, token, "api.test:443").await;
    if !answer.starts_with("HTTP/1.1 200") {
        return answer.split(' ').nth(1).unwrap().parse().unwrap();
    }
    let mut tunnel = Tunnel::open(daemon, token, "api.test", "http/1.1").await;
    let response = tunnel.get("api.test", "/x").await;
    let status = response.status().as_u16();
    let _ = response.into_body().collect().await;
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_is_told_counts_on_all() {
    let origin = Origin::start().await;
    let url = shared().database().await;
    // All at once, on a database that is empty.
    let daemons = launched(&origin, &url, 3, &[]).await;
    daemons[0].secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    let token = daemons[0].token().await;
    assert_eq!(token, daemons[1].token().await, "one system has one default agent");
    assert_eq!(daemons[0].root().await, daemons[2].root().await, "and one root certificate");
    for daemon in &daemons {
        eventually("the secret is put in", || async {
            assert_eq!(status(daemon, &token).await, 200);
            (origin.last().header("x-key") == Some(CANARY)).then_some(())
        })
        .await;
    }
    let block = json!({"name": "no", "hostPattern": "api.test", "action": "block"});
    daemons[1].call(Method::POST, "/v1/rules", Some(block)).await;
    for daemon in &daemons {
        eventually("the block is in force", || async { (status(daemon, &token).await == 403).then_some(()) })
            .await;
    }
    let known = daemons[1].get("/v1/gateways").await;
    let addresses: Vec<&str> =
        known.as_array().unwrap().iter().map(|gateway| gateway["addresses"][0].as_str().unwrap()).collect();
    assert!(daemons.iter().all(|daemon| addresses.contains(&daemon.gateway.as_str())), "{known}");
    // One audit log.
    eventually("the events of all three", || async {
        let events = daemons[2].audit().await;
        (events.iter().filter(|event| event["decision"] == "blocked").count() >= 3).then_some(())
    })
    .await;
    let rows = client(&url).await.query("SELECT count(*) FROM agents", &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_shared_and_exact() {
    let origin = Origin::start().await;
    let url = shared().database().await;
    let daemons = launched(&origin, &url, 3, &[]).await;
    let token = daemons[0].token().await;
    let limit = json!({"name": "few", "hostPattern": "api.test", "action": "rate_limit", "rateLimit": 20, "rateLimitWindow": "hour"});
    daemons[0].call(Method::POST, "/v1/rules", Some(limit)).await;
    for daemon in &daemons {
        eventually("the limit is in force", || async {
            (daemon.get("/v1/rules").await.as_array().unwrap().len() == 1).then_some(())
        })
        .await;
    }
    // What lists show is in the store; each gateway has it a moment later.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asking = (0..60).map(|number| status(&daemons[number % 3], &token));
    let statuses = futures_util::future::join_all(asking).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 40, "{statuses:?}");
    assert_eq!(origin.received().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_is_refused_and_nothing_is_readable() {
    let origin = Origin::start().await;
    let url = shared().database().await;
    let daemons = launched(&origin, &url, 1, &[]).await;
    daemons[0].secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    let token = daemons[0].token().await;
    assert_eq!(status(&daemons[0], &token).await, 200);
    let other = ("SECRET_ENCRYPTION_KEY", "////////////////////////////////////////////");
    let refused = Daemon::prepare(&origin, HOST, &[("DATABASE_URL", &url), other]).cli(&["start"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("master key"), "{said}");
    // Without any key it makes none of its own.
    let without = Daemon::prepare(&origin, HOST, &[("DATABASE_URL", &url)]);
    let refused = without.cli(&["start"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("SECRET_ENCRYPTION_KEY"), "{said}");
    assert!(!without.data_dir().join("secret-encryption.key").exists());
    assert!(!said.contains(PASSWORD), "{said}");
    let dump = tokio::process::Command::new("pg_dump").arg(&url).output().await.unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    assert!(dump.contains("audit_events") && dump.contains("api.test"));
    for hidden in [CANARY, token.as_str(), daemons[0].api_key().as_str(), "PRIVATE KEY"] {
        let hex: String = hidden.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!dump.contains(hidden) && !dump.contains(&hex), "{hidden}");
    }
}

/// Waits until the log has as many whole events as the service was asked.
async fn audit_is_complete(daemon: &Daemon, url: &str, origin: &Origin) {
    let database = client(url).await;
    eventually("every exchange is in the log once", || async {
        let _ = daemon.get("/v1/audit?limit=1").await;
        let sql = "SELECT count(*), count(DISTINCT id) FROM audit_events WHERE path = '/x' AND decision = 'allowed' AND error IS NULL";
        let row = database.query_one(sql, &[]).await.unwrap();
        let (all, different): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(all, different);
        (all == i64::try_from(origin.received().len()).unwrap()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_limits_are_closed_and_the_policy_lasts_as_long_as_it_may() {
    let origin = Origin::start().await;
    let mut server = Postgres::start();
    let url = server.database().await;
    let daemons = launched(&origin, &url, 1, &[("ONECLI_MAX_STALE_SECONDS", "6")]).await;
    let daemon = &daemons[0];
    let token = daemon.token().await;
    let limited = json!({"name": "few", "hostPattern": "limited.test", "action": "rate_limit", "rateLimit": 20, "rateLimitWindow": "hour"});
    daemon.call(Method::POST, "/v1/rules", Some(limited)).await;
    assert_eq!(status(daemon, &token).await, 200);
    tokio::task::block_in_place(|| server.kill());
    assert_eq!(status(daemon, &token).await, 200, "what needs no counter goes on");
    let mut tunnel = Tunnel::open(daemon, &token, "limited.test", "http/1.1").await;
    let response = tunnel.get("limited.test", "/x").await;
    assert_eq!(response.status(), 503);
    let reply: Value =
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(reply["error"], "store_unavailable");
    let health = daemon.call(Method::GET, "/v1/health", None).await;
    assert_eq!(health.status(), 503);
    eventually("the policy is too old", || async { (status(daemon, &token).await == 503).then_some(()) })
        .await;
    tokio::task::block_in_place(|| server.launch());
    eventually("it is back", || async { (status(daemon, &token).await == 200).then_some(()) }).await;
    audit_is_complete(daemon, &url, &origin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_loses_nothing() {
    let origin = Origin::start().await;
    let url = shared().database().await;
    let mut daemons = launched(&origin, &url, 2, &[]).await;
    let token = daemons[0].token().await;
    for _ in 0..20 {
        assert_eq!(status(&daemons[0], &token).await, 200);
    }
    daemons[0].kill().await;
    assert_eq!(status(&daemons[1], &token).await, 200);
    daemons[0].launch().await;
    audit_is_complete(&daemons[1], &url, &origin).await;
    assert_eq!(status(&daemons[0], &token).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_starts_before_its_database_says_so_and_goes_on_with_it() {
    let origin = Origin::start().await;
    let mut server = Postgres::start();
    let url = server.database().await;
    tokio::task::block_in_place(|| server.kill());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut daemons = prepared(&origin, &url, 1, &[("ONECLI_GATEWAY_ADDR", &address)]);
    let ((), answer) = tokio::join!(daemons[0].launch(), async {
        let answer = eventually("it answers", || async {
            let client =
                reqwest::Client::builder().proxy(reqwest::Proxy::all(format!("http://{address}")).unwrap());
            let answer = client.build().unwrap().get("http://api.test/x").send().await.ok()?;
            Some((answer.status().as_u16(), answer.json::<Value>().await.unwrap()))
        })
        .await;
        tokio::task::block_in_place(|| server.launch());
        answer
    });
    assert_eq!((answer.0, &answer.1["error"]), (503, &"store_unavailable".into()), "{answer:?}");
    let token = daemons[0].token().await;
    assert_eq!(status(&daemons[0], &token).await, 200);
    // What is wrong for good is no reason to wait.
    let url = url.replace(PASSWORD, "another");
    let refused = Daemon::prepare(&origin, HOST, &[("DATABASE_URL", &url), KEY]).cli(&["start"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("password authentication failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_while_a_daemon_was_cut_off_is_in_force_once_it_hears_again() {
    let origin = Origin::start().await;
    let server = shared();
    let url = server.database().await;
    let link = FrozenLink::to(([127, 0, 0, 1], server.port()).into()).await;
    let by_link = url.replace(&server.port().to_string(), &link.address.port().to_string());
    let (near, far) = (
        launched(&origin, &url, 1, &[]).await.remove(0),
        launched(&origin, &by_link, 1, &[]).await.remove(0),
    );
    let agent = near.json(&["agents", "create", "ci"]).await;
    let token = agent["accessToken"].as_str().unwrap();
    eventually("it is known", || async { (status(&far, token).await == 200).then_some(()) }).await;
    link.freeze();
    eventually("it is noticed", || async { far.log().contains("changes are not heard").then_some(()) }).await;
    near.json(&["agents", "regenerate-token", "ci"]).await;
    assert_eq!(status(&near, token).await, 407);
    assert_eq!(status(&far, token).await, 200, "it can't know");
    link.thaw();
    eventually("it hears again", || async { far.log().contains("changes are heard again").then_some(()) })
        .await;
    let begun = std::time::Instant::now();
    eventually("the token is refused", || async { (status(&far, token).await == 407).then_some(()) }).await;
    println!("refused {:?} after it was heard again", begun.elapsed());
}
