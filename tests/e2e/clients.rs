//! Real clients get a credential put in that they never had.

use std::fs;

use data_encoding::BASE64;
use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    git_server::{git_server, init},
    origin::Origin,
};
use serde_json::{Value, json};

const HOST: &str = "api.test:443";

async fn bearer(origin: &Origin) -> (Daemon, Value) {
    let daemon = Daemon::start(origin, &[HOST]).await;
    let options = ["--host", "api.test", "--header", "authorization", "--format", "Bearer {value}"];
    let secret = daemon.secret("api", CANARY, &options).await;
    (daemon, secret)
}

/// The one event of an exchange that went through with a credential.
async fn assert_recorded(daemon: &Daemon, secret: &Value, method: &str, path: &str, status: u16) {
    let events = daemon.audit().await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = &events[0];
    let expected = json!({
        "decision": "allowed", "kind": "request", "agentName": "Default agent", "method": method, "scheme": "https",
        "host": "api.test", "port": 443, "path": path, "status": status, "secretIds": [secret["id"]], "error": null,
        "count": 1, "notInjectedBecause": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&event[field], value, "{field} of {event:#?}");
    }
    assert!(!event.to_string().contains("hidden"), "the query is not kept");
}

async fn curl(version: &str) {
    let origin = Origin::start().await;
    let (daemon, secret) = bearer(&origin).await;
    let opens = daemon.secret_opens().await;
    let body = "x".repeat(100_000);
    let file = daemon.home().join("body");
    fs::write(&file, &body).unwrap();
    let upload = format!("@{}", file.display());
    let url = "https://api.test/echo?key=hidden";
    let arguments = [
        "curl",
        "-sS",
        version,
        "-H",
        "Authorization: Bearer placeholder",
        "--data-binary",
        &upload,
        "-w",
        "%{http_version}",
        url,
    ];
    let output = daemon.run(&arguments).await;
    assert!(output.status.success(), "{output:?}");
    let answer = String::from_utf8(output.stdout.clone()).unwrap();
    let spoken = if version == "--http2" { "2" } else { "1.1" };
    assert_eq!(answer, format!("{body}{spoken}"), "the response is the service's");
    let received = origin.only();
    assert_eq!(received.header("authorization"), Some(&*format!("Bearer {CANARY}")));
    assert_eq!(received.uri.query(), Some("key=hidden"));
    assert!(received.headers.keys().all(|name| !name.as_str().starts_with("proxy-") && name != "via"));
    assert_recorded(&daemon, &secret, "POST", "/echo", 200).await;
    assert_eq!(daemon.secret_opens().await, opens + 1);
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_over_http1() {
    curl("--http1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_over_http2() {
    curl("--http2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_and_pushes_with_basic_credentials() {
    let repositories = tempfile::tempdir().unwrap();
    init(&repositories.path().join("project.git"));
    let authorization = format!("Basic {}", BASE64.encode(format!("bot:{CANARY}").as_bytes()));
    let handler = git_server(repositories.path(), authorization);
    let origin = Origin::with(&["h2", "http/1.1"], Some(handler)).await;
    let daemon = Daemon::start(&origin, &["git.test:443"]).await;
    daemon.secret("git", CANARY, &["--host", "git.test", "--basic", "bot"]).await;
    let script = "set -e; git clone -q https://git.test/project.git work; cd work; git config user.email a@b; \
                  git config user.name a; git checkout -q -b main; echo hello > file; git add file; git commit -qm first; git push -q origin main; \
                  cd ..; git clone -q https://git.test/project.git again; cat again/file";
    let directory = daemon.home().join("clones");
    fs::create_dir(&directory).unwrap();
    let output =
        daemon.command(&["run", "--", "sh", "-c", script]).current_dir(&directory).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
    let events = daemon.audit().await;
    assert!(
        events.iter().all(|event| event["decision"] == "allowed" && event["status"] == 200),
        "{events:#?}"
    );
    assert!(events.iter().any(|event| event["path"] == "/project.git/git-receive-pack"));
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushs_announcement_is_blocked_like_the_push() {
    let repositories = tempfile::tempdir().unwrap();
    init(&repositories.path().join("project.git"));
    let authorization = format!("Basic {}", BASE64.encode(format!("bot:{CANARY}").as_bytes()));
    let origin =
        Origin::with(&["h2", "http/1.1"], Some(git_server(repositories.path(), authorization))).await;
    let daemon = Daemon::start(&origin, &["git.test:443"]).await;
    daemon.secret("git", CANARY, &["--host", "git.test", "--basic", "bot"]).await;
    let rule = [
        "rules",
        "create",
        "no-push",
        "--action",
        "block",
        "--host",
        "git.test",
        "--path",
        "*/git-receive-pack",
        "--method",
        "POST",
    ];
    daemon.json(&rule).await;
    let script = "git clone -q https://git.test/project.git work && cd work && git -c user.email=a@b -c user.name=a commit -q --allow-empty -m x && git push origin HEAD:main";
    let output =
        daemon.command(&["run", "--", "sh", "-c", script]).current_dir(daemon.home()).output().await.unwrap();
    assert!(!output.status.success(), "{output:?}");
    let announced =
        origin.received().iter().any(|request| request.uri.query() == Some("service=git-receive-pack"));
    assert!(!announced, "nothing of the push reached the service");
}
