//! Connections that are not looked into: judged by their host alone, and passed on as they are.

use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::Origin,
    proxy::{connect, try_tls},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const PASSTHROUGH: &[(&str, &str)] = &[("ONECLI_PASSTHROUGH_HOSTS", "pinned.test,*.pinned.test")];

/// Speaks first, then sends back what it gets: nothing like TLS.
async fn greeter() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                stream.write_all(b"220 ready\r\n").await.unwrap();
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
            });
        }
    });
    address
}

async fn events_of(daemon: &Daemon, host: &str) -> Vec<Value> {
    daemon.audit().await.into_iter().filter(|event| event["host"] == host).collect()
}

/// Waits for the events of a host, since a tunnel's end is recorded after it.
async fn recorded(daemon: &Daemon, host: &str, count: usize) -> Vec<Value> {
    onecli_tests::eventually("the events", || async {
        Some(events_of(daemon, host).await).filter(|events| events.len() == count)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pins_sees_the_services_own_certificate() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["pinned.test:443", "api.test:443"], PASSTHROUGH).await;
    daemon.secret("pinned", CANARY, &["--host", "pinned.test", "--header", "x-key"]).await;
    let roots = daemon.home().join("origin.pem");
    let curl = ["curl", "-sS", "--cacert", roots.to_str().unwrap()];
    let output = daemon.run(&[&curl[..], &["-d", "hello", "https://pinned.test/echo"]].concat()).await;
    assert_eq!(output.stdout, b"hello", "{output:?}");
    assert_eq!(origin.only().header("x-key"), None, "nothing can be put in");
    assert_eq!(daemon.secret_opens().await, 0);
    let events = recorded(&daemon, "pinned.test", 1).await;
    let expected = json!({
        "decision": "tunnelled", "method": "CONNECT", "port": 443, "path": null, "status": 200, "secretIds": [],
        "notInjectedBecause": "the connection is not looked into", "agentName": "Default agent", "error": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&events[0][field], value, "{field} of {:#?}", events[0]);
    }
    assert!(
        events[0]["requestBytes"].as_u64() > Some(100) && events[0]["responseBytes"].as_u64() > Some(100)
    );
    let output = daemon.run(&[&curl[..], &["https://api.test/echo"]].concat()).await;
    assert!(!output.status.success(), "other hosts are looked into");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_pass_where_nothing_is_looked_into_and_nowhere_else() {
    let origin = Origin::start().await;
    let resolve = format!("mail.pinned.test:25={0},mail.test:25={0}", greeter().await);
    let settings = [PASSTHROUGH, &[("ONECLI_RESOLVE", &resolve)]].concat();
    let daemon = Daemon::with(&origin, &[], &settings).await;
    let token = daemon.token().await;
    let (mut stream, answer) = connect(&daemon, &token, "mail.pinned.test:25").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut greeting = [0; 11];
    stream.read_exact(&mut greeting).await.unwrap();
    stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed).await.unwrap();
    assert_eq!((&greeting, &echoed[..]), (b"220 ready\r\n", &b"SSH-2.0-x\r\n"[..]));
    let events = recorded(&daemon, "mail.pinned.test", 1).await;
    assert_eq!((&events[0]["requestBytes"], &events[0]["responseBytes"]), (&json!(11), &json!(22)));
    // Elsewhere the gateway answers by itself, and closes.
    let (mut stream, _) = connect(&daemon, &token, "mail.test:25").await;
    stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn restrictions_count_by_host_alone_and_narrow_grants_not_at_all() {
    let origin = Origin::start().await;
    let daemon = Daemon::with(&origin, &["pinned.test:443", "a.pinned.test:443"], PASSTHROUGH).await;
    let token = daemon.token().await;
    let status = async |authority: &str| {
        let (_stream, answer) = connect(&daemon, &token, authority).await;
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let rule = async |arguments: &[&str]| {
        let rule = daemon.json(&[&["rules", "create"], arguments].concat()).await;
        format!("/v1/rules/{}", rule["id"].as_str().unwrap())
    };
    let delete = async |path: &str| {
        assert!(daemon.call(reqwest::Method::DELETE, path, None).await.status().is_success());
    };
    assert_eq!(status("pinned.test:443").await, 200);
    let narrow =
        ["stop", "--action", "block", "--host", "pinned.test", "--path", "/admin/*", "--method", "POST"];
    let block = rule(&narrow).await;
    assert_eq!(status("pinned.test:443").await, 403, "the block can't be judged, so it counts");
    assert_eq!(status("a.pinned.test:443").await, 200);
    delete(&block).await;
    daemon.json(&["config", "set", "defaultPolicy", "deny"]).await;
    assert_eq!(status("pinned.test:443").await, 403);
    let grant = rule(&["some", "--action", "allow", "--host", "pinned.test", "--path", "/public/*"]).await;
    assert_eq!(status("pinned.test:443").await, 403, "the grant can't be judged, so it does not count");
    delete(&grant).await;
    rule(&["once", "--action", "rate_limit", "--host", "pinned.test", "--limit", "1", "--per", "hour"]).await;
    assert_eq!(status("pinned.test:443").await, 200);
    assert_eq!(status("pinned.test:443").await, 429);
    assert_eq!(status("127.0.0.1:1").await, 200, "looked into, and judged there");
    let decisions: Vec<Value> =
        recorded(&daemon, "pinned.test", 6).await.iter().map(|event| event["decision"].clone()).collect();
    assert_eq!(decisions.iter().filter(|decision| *decision == "tunnelled").count(), 2, "{decisions:?}");
    assert_eq!(decisions.iter().filter(|decision| *decision == "blocked").count(), 3, "{decisions:?}");
    assert_eq!(decisions.iter().filter(|decision| *decision == "rate_limited").count(), 1, "{decisions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_is_about_is_tunnelled_under_matched() {
    let origin = Origin::start().await;
    let hosts = ["plain.test:443", "secret.test:443", "rule.test:443"];
    let daemon = Daemon::with(&origin, &hosts, &[("ONECLI_INTERCEPT", "matched")]).await;
    daemon.secret("secret", CANARY, &["--host", "secret.test", "--header", "x-key"]).await;
    daemon
        .json(&["rules", "create", "one", "--action", "block", "--host", "rule.test", "--path", "/admin"])
        .await;
    for host in ["plain.test", "secret.test", "rule.test"] {
        let bundle = daemon.home().join("both.pem");
        let mut both = std::fs::read_to_string(daemon.home().join("origin.pem")).unwrap();
        both.push_str(&daemon.root().await);
        std::fs::write(&bundle, both).unwrap();
        let url = format!("https://{host}/x");
        let output = daemon.run(&["curl", "-sS", "--cacert", bundle.to_str().unwrap(), &url]).await;
        assert!(output.status.success(), "{host}: {output:?}");
        let expected = if host == "plain.test" { "tunnelled" } else { "allowed" };
        assert_eq!(recorded(&daemon, host, 1).await[0]["decision"], expected, "{host}");
    }
    daemon.json(&["config", "set", "defaultPolicy", "deny"]).await;
    let output = daemon.run(&["curl", "-sS", "https://plain.test/x"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("blocked_by_default_policy"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_to_nowhere_says_so() {
    let origin = Origin::start().await;
    let settings = [
        PASSTHROUGH,
        &[("ONECLI_RESOLVE", "pinned.test:443=127.0.0.1:1,a.pinned.test:443=169.254.169.254:80")],
    ];
    let daemon = Daemon::with(&origin, &[], &settings.concat()).await;
    let token = daemon.token().await;
    for (host, code) in [("pinned.test", "502"), ("a.pinned.test", "403")] {
        let (_, answer) = connect(&daemon, &token, &format!("{host}:443")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{host}: {answer}");
    }
    let events = events_of(&daemon, "pinned.test").await;
    assert_eq!(
        (&events[0]["decision"], &events[0]["error"]),
        (&json!("failed"), &json!("upstream_unreachable"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_not_avoided_by_naming_another_host() {
    let origin = Origin::start().await;
    let address = origin.address.to_string();
    let settings = [("ONECLI_INTERCEPT", "matched"), ("ONECLI_PASSTHROUGH_HOSTS", "pinned.test")];
    let daemon =
        Daemon::with(&origin, &["api.test:443", "other.test:443", "pinned.test:443"], &settings).await;
    daemon
        .json(&["rules", "create", "no", "--action", "block", "--host", "api.test", "--path", "/admin"])
        .await;
    let token = daemon.token().await;
    let roots = std::fs::read_to_string(daemon.home().join("origin.pem")).unwrap();
    // By address, by a host that nothing is about, and by one that is not looked into; each with the name of api.test inside.
    for authority in [&*address, "other.test:443", "pinned.test:443"] {
        let spoken = try_tls(&daemon, &token, authority, "api.test", &roots).await;
        assert!(spoken.is_err(), "{authority}: the service was reached past the rule");
    }
    for (host, authority) in [("other.test", "other.test:443"), ("pinned.test", "pinned.test:443")] {
        assert!(try_tls(&daemon, &token, authority, host, &roots).await.is_ok(), "{host} by its own name");
        let events = recorded(&daemon, host, 2).await;
        assert!(
            events.iter().any(|event| event["error"] == "host_mismatch" && event["decision"] == "refused")
        );
    }
    assert_eq!(origin.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_ends_when_it_would_not_be_one_any_more() {
    let origin = Origin::start().await;
    let resolve = format!("mail.test:25={}", greeter().await);
    for (before, after) in [
        (("passthroughHosts", "mail.test"), ("passthroughHosts", "other.test")),
        (("intercept", "matched"), ("intercept", "all")),
        (("passthroughHosts", "mail.test"), ("defaultPolicy", "deny")),
    ] {
        let daemon = Daemon::with(&origin, &[], &[("ONECLI_RESOLVE", &resolve)]).await;
        daemon.json(&["config", "set", before.0, before.1]).await;
        let token = daemon.token().await;
        let (mut stream, answer) = connect(&daemon, &token, "mail.test:25").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let mut greeting = [0; 11];
        stream.read_exact(&mut greeting).await.unwrap();
        daemon.json(&["config", "set", after.0, after.1]).await;
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read(&mut [0])).await;
        assert!(matches!(ended.expect("it goes on"), Ok(0) | Err(_)));
        assert_eq!(recorded(&daemon, "mail.test", 1).await[0]["decision"], "revoked");
    }
}
