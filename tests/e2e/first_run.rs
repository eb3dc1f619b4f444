//! The walk of the README, on a fresh machine.

use std::process::Stdio;

use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    origin::Origin,
};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_of_the_readme() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.github.com:443"]).await;
    onecli_tests::eventually("the next two commands are printed", || async {
        let log = daemon.log();
        (log.contains("onecli secrets create") && log.contains("onecli run -- curl")).then_some(())
    })
    .await;
    let agents = daemon.json(&["agents", "list"]).await;
    assert_eq!(
        (agents[0]["identifier"].as_str(), agents[0]["isDefault"].as_bool()),
        (Some("default"), Some(true))
    );

    let create = [
        "secrets",
        "create",
        "github",
        "--host",
        "api.github.com",
        "--header",
        "authorization",
        "--format",
        "Bearer {value}",
    ];
    let mut creating = daemon.command(&create).stdin(Stdio::piped()).spawn().unwrap();
    creating.stdin.take().unwrap().write_all(format!("{CANARY}\n").as_bytes()).await.unwrap();
    let created = creating.wait_with_output().await.unwrap();
    assert!(created.status.success(), "{created:?}");

    let used = daemon.run(&["curl", "-sS", "https://api.github.com/user"]).await;
    assert_eq!(String::from_utf8_lossy(&used.stdout), "{\"hello\":\"agent\"}", "{used:?}");
    assert_eq!(origin.only().header("authorization"), Some(&*format!("Bearer {CANARY}")));

    let rule = [
        "rules",
        "create",
        "no-deletion",
        "--action",
        "block",
        "--host",
        "api.github.com",
        "--path",
        "/repos/*",
        "--method",
        "DELETE",
    ];
    daemon.json(&rule).await;
    let blocked =
        daemon.run(&["curl", "-sS", "-X", "DELETE", "https://api.github.com/repos/acme/site"]).await;
    assert!(String::from_utf8_lossy(&blocked.stdout).contains("blocked_by_policy"), "{blocked:?}");

    let events = daemon.json(&["audit", "list"]).await;
    let decisions: Vec<_> =
        events.as_array().unwrap().iter().map(|event| event["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["blocked", "allowed"]);
    assert_no_leak(&daemon, &[&created.stdout, &created.stderr, &used.stdout, &used.stderr, &blocked.stdout])
        .await;

    // What the README shows beside the walk.
    let made = daemon.json(&["agents", "create", "ci-release"]).await;
    assert!(made["accessToken"].as_str().unwrap().starts_with("aoc_"));
    let narrow = [
        "rules",
        "create",
        "not-ci",
        "--action",
        "block",
        "--host",
        "api.github.com",
        "--agent",
        "ci-release",
    ];
    daemon.json(&narrow).await;
    let other = daemon
        .cli(&["run", "--agent", "ci-release", "--", "curl", "-sS", "https://api.github.com/user"])
        .await;
    assert!(String::from_utf8_lossy(&other.stdout).contains("not-ci"), "{other:?}");
    let disabled = daemon.cli(&["rules", "disable", "no-deletion"]).await;
    assert!(disabled.status.success(), "{disabled:?}");
    let passes = daemon.run(&["curl", "-sS", "-X", "DELETE", "https://api.github.com/repos/acme/site"]).await;
    assert_eq!(String::from_utf8_lossy(&passes.stdout), "{\"hello\":\"agent\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_child_gets_no_key_and_all_that_clients_need() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let mut command = daemon.command(&["run", "--", "env"]);
    let forbidden = [
        "SECRET_ENCRYPTION_KEY",
        "DATABASE_URL",
        "NEXTAUTH_SECRET",
        "GOOGLE_CLIENT_SECRET",
        "SECRET_ENCRYPTION_KEY_FILE",
    ];
    for name in forbidden {
        command.env(name, "must-not-pass");
    }
    let output = command
        .env("HTTP_PROXY", "http://another")
        .env("https_proxy", "http://another")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("must-not-pass") && !text.contains("another"), "{text}");
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"] {
        let line = text.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap();
        assert!(line.contains("=http://x:aoc_") && line.ends_with(&daemon.gateway), "{line}");
    }
    for name in
        ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"]
    {
        let file = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap();
        let bundle = std::fs::read_to_string(file).unwrap();
        assert!(bundle.starts_with(daemon.root().await.trim_end()), "{name}: our root is the first");
        assert!(bundle.matches("BEGIN CERTIFICATE").count() > 1, "{name}: the system's roots are there too");
    }
}
