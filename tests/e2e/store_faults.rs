//! A store that does not answer, or holds what can't be read: what needs it is refused, the rest goes on as before.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use http_body_util::BodyExt;
use onecli_tests::{daemon::Daemon, eventually, origin::Origin, proxy::Tunnel};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

/// Another program that has a database of the daemon open and runs `script` on it as `db`; ends when its standard input does.
async fn meddle(daemon: &Daemon, database: &str, script: &str) -> Child {
    let program = format!(
        "import sqlite3, sys\ndb = sqlite3.connect({:?}, isolation_level=None, timeout=20)\n{script}\n\
         print('done', flush=True)\nsys.stdin.read()",
        daemon.data_dir().join(database)
    );
    let mut command = Command::new("python3");
    command.args(["-c", &program]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(said.next_line().await.unwrap().as_deref(), Some("done"));
    child
}

async fn end(mut meddler: Child) {
    meddler.stdin.take().unwrap().shutdown().await.unwrap();
    meddler.wait().await.unwrap();
}

async fn get(daemon: &Daemon, token: &str, path: &str) -> (u16, String) {
    let response = Tunnel::open(daemon, token, "api.test", "h2").await.get("api.test", path).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_what_is_counted_is_refused_and_the_rest_goes_on() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let limit = json!({
        "name": "few", "hostPattern": "api.test", "pathPattern": "/counted", "action": "rate_limit", "rateLimit": 5,
        "rateLimitWindow": "hour",
    });
    assert_eq!(daemon.call(reqwest::Method::POST, "/v1/rules", Some(limit)).await.status(), 201);
    let token = daemon.token().await;
    assert_eq!(get(&daemon, &token, "/counted").await.0, 200);
    let meddler = meddle(&daemon, "onecli.limits.db", "db.execute('BEGIN EXCLUSIVE')").await;
    let asked = Instant::now();
    let (status, body) = get(&daemon, &token, "/counted").await;
    assert_eq!((status, body.contains("store_unavailable")), (503, true), "{body}");
    assert!(asked.elapsed() < Duration::from_secs(8), "an agent is not kept waiting: {:?}", asked.elapsed());
    assert_eq!(get(&daemon, &token, "/free").await.0, 200);
    assert_eq!(origin.received().len(), 2, "what was refused did not leave");
    end(meddler).await;
    assert_eq!(get(&daemon, &token, "/counted").await.0, 200);
    let events = daemon.audit().await;
    let decisions: Vec<_> = events.iter().map(|event| (&event["path"], &event["decision"])).collect();
    let expected =
        [("/counted", "allowed"), ("/free", "allowed"), ("/counted", "failed"), ("/counted", "allowed")]
            .map(|(path, decision)| (json!(path), json!(decision)));
    assert_eq!(decisions, expected.iter().map(|(path, decision)| (path, decision)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_read_leaves_the_one_from_before_in_force() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let block = json!({"name": "no", "hostPattern": "api.test", "pathPattern": "/no", "action": "block"});
    assert_eq!(daemon.call(reqwest::Method::POST, "/v1/rules", Some(block)).await.status(), 201);
    let token = daemon.token().await;
    // An action that this version does not know: ignored, it would let everything through.
    let script = "db.execute('PRAGMA ignore_check_constraints = ON')\ndb.execute(\"UPDATE rules SET action = 'perhaps'\")";
    end(meddle(&daemon, "onecli.db", script).await).await;
    let another =
        json!({"name": "another", "hostPattern": "api.test", "pathPattern": "/other", "action": "block"});
    let answer = daemon.call(reqwest::Method::POST, "/v1/rules", Some(another)).await;
    let (status, said) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_server_error() && said.contains("the policy from before"), "{status} {said}");
    assert!(daemon.log().contains("the one from before stays in force"));
    assert_eq!(get(&daemon, &token, "/no").await.0, 403, "what was blocked stays blocked");
    assert_eq!(get(&daemon, &token, "/yes").await.0, 200);
    // A daemon that never had a policy serves nothing by guesswork.
    daemon.stop().await;
    let output = tokio::time::timeout(Duration::from_secs(20), daemon.command(&["start"]).output()).await;
    let output = output.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("rule"), "{said}");
    let script = "db.execute(\"UPDATE rules SET action = 'block' WHERE action = 'perhaps'\")";
    end(meddle(&daemon, "onecli.db", script).await).await;
    daemon.launch().await;
    eventually("the mended policy", || async {
        (get(&daemon, &token, "/other").await.0 == 403).then_some(())
    })
    .await;
}
