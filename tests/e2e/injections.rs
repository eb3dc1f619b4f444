//! Every way in which a secret is put in, and what of it must not come back.

use std::sync::Arc;

use http::{HeaderValue, Response};
use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    origin::{Handler, Origin, ServiceBody, plain},
};
use serde_json::json;

/// Answers with where it was asked, in the headers in which services do.
fn echo() -> Handler {
    Arc::new(|request| {
        let mut response: Response<ServiceBody> = plain(http::StatusCode::FOUND, "moved");
        let asked = request.uri.path_and_query().unwrap();
        let uri = HeaderValue::from_str(&format!("https://api.test{asked}")).unwrap();
        let link = HeaderValue::from_str(&format!("<https://api.test{asked}>; rel=next")).unwrap();
        response.headers_mut().insert("location", uri);
        response.headers_mut().insert("link", link);
        response
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_parameter_takes_the_place_of_every_spelling_of_it() {
    let origin = Origin::with(&["h2", "http/1.1"], Some(echo())).await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("maps", CANARY, &["--host", "api.test", "--param", "key"]).await;
    let output = daemon.run(&["curl", "-sS", "-i", "https://api.test/maps?a=1&key=mine&k%65y=too&b=2"]).await;
    let query = origin.only().uri.query().unwrap().to_owned();
    let encoded =
        percent_encoding::utf8_percent_encode(CANARY, percent_encoding::NON_ALPHANUMERIC).to_string();
    assert_eq!(query, format!("a=1&b=2&key={encoded}"));
    let answer = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(answer.contains("location: https://api.test/maps?a=1&b=2&key=mine\r\n"), "{answer}");
    let events = daemon.audit().await;
    assert_eq!(
        (&events[0]["path"], &events[0]["secretIds"].as_array().unwrap().len()),
        (&json!("/maps"), &1)
    );
    assert!(events[0]["reason"].as_str().unwrap().contains("replaced"), "{}", events[0]);
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_template_takes_the_place_of_what_the_agent_sent() {
    const TOKEN: &str = "123456:cnry-AAH9f_Qe7Zk2xWPdLmTq";
    let origin = Origin::with(&["h2", "http/1.1"], Some(echo())).await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("telegram", TOKEN, &["--host", "api.test", "--path-template", "/bot{value}/*"]).await;
    let rule = [
        "rules",
        "create",
        "no-leave",
        "--action",
        "block",
        "--host",
        "api.test",
        "--path",
        "/bot*/leaveChat",
    ];
    daemon.json(&rule).await;
    let output =
        daemon.run(&["curl", "-sS", "-i", "https://api.test/botplaceholder/sendMessage?text=hi"]).await;
    assert_eq!(origin.only().uri.path(), format!("/bot{TOKEN}/sendMessage"));
    let answer = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(answer.contains("location: https://api.test/botplaceholder/sendMessage?text=hi\r\n"), "{answer}");
    assert!(
        answer.contains("link: <https://api.test/botplaceholder/sendMessage?text=hi>; rel=next\r\n"),
        "{answer}"
    );
    let events = daemon.audit().await;
    assert_eq!(events[0]["path"], "/botplaceholder/sendMessage", "the audit log has what the agent sent");
    for path in ["/botx/leaveChat", "/botx%2FleaveChat", "/botx/%6ceaveChat"] {
        let blocked = daemon.run(&["curl", "-sS", &format!("https://api.test{path}")]).await;
        assert!(
            String::from_utf8_lossy(&blocked.stdout).contains("blocked_by_policy"),
            "{path}: {blocked:?}"
        );
    }
    let opens = daemon.secret_opens().await;
    for path in ["/other", "/bot/x", "/bot%70/x/../y", "//botx/y"] {
        daemon.run(&["curl", "-sS", "--path-as-is", &format!("https://api.test{path}")]).await;
    }
    assert_eq!(daemon.secret_opens().await, opens, "no secret for a path that does not fit");
    for text in [daemon.log(), daemon.audit().await.iter().map(ToString::to_string).collect()] {
        assert!(!text.contains("cnry-AAH9f"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_services_need_nothing_but_the_key() {
    for (kind, value, host, header, expected, gone) in [
        (
            "anthropic",
            "sk-ant-api03-cnry",
            "api.anthropic.com",
            "x-api-key",
            "sk-ant-api03-cnry",
            "authorization",
        ),
        (
            "anthropic",
            "sk-ant-oat01-cnry",
            "api.anthropic.com",
            "authorization",
            "Bearer sk-ant-oat01-cnry",
            "x-api-key",
        ),
        ("openai", "sk-cnry", "api.openai.com", "authorization", "Bearer sk-cnry", "x-none"),
    ] {
        let origin = Origin::start().await;
        let daemon = Daemon::start(&origin, &[&format!("{host}:443")]).await;
        daemon.secret("key", value, &["--type", kind]).await;
        let url = format!("https://{host}/v1/x");
        let mine =
            ["curl", "-sS", "-H", "x-api-key: placeholder", "-H", "authorization: Bearer placeholder", &url];
        let output = daemon.run(&mine).await;
        assert!(output.status.success(), "{output:?}");
        let received = origin.only();
        assert_eq!((received.header(header), received.header(gone)), (Some(expected), None), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_accounts_the_agent_names_one() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let options = ["--host", "api.test", "--header", "x-key"];
    daemon.secret("work", "value-of-work", &options).await;
    let second = daemon.secret("home", "value-of-home", &options).await;
    assert!(second["warnings"][0].as_str().unwrap().contains("x-onecli-secret"), "{second}");
    let url = "https://api.test/x";
    let ambiguous = daemon.run(&["curl", "-sS", "-w", "%{http_code}", url]).await;
    let answer = String::from_utf8(ambiguous.stdout).unwrap();
    assert!(
        answer.ends_with("409") && answer.contains("\"work\"") && answer.contains("x-onecli-secret"),
        "{answer}"
    );
    for (choice, value) in [("work", "value-of-work"), (second["id"].as_str().unwrap(), "value-of-home")] {
        let chosen = daemon.run(&["curl", "-sS", "-H", &format!("x-onecli-secret: {choice}"), url]).await;
        assert!(chosen.status.success());
        let received = origin.last();
        assert_eq!((received.header("x-key"), received.header("x-onecli-secret")), (Some(value), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selective_agent_uses_only_what_is_assigned_to_it() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["a.test:443", "b.test:443"]).await;
    daemon.secret("of-a", "value-of-a", &["--host", "a.test", "--header", "x-key"]).await;
    daemon.secret("of-b", "value-of-b", &["--host", "b.test", "--header", "x-key"]).await;
    let assigned = daemon.json(&["agents", "secrets", "default", "--only", "of-b"]).await;
    assert_eq!(assigned, json!({"mode": "selective", "secrets": ["of-b"]}));
    let child = json!({"name": "child", "identifier": "child", "parentIdentifier": "default"});
    daemon.call(reqwest::Method::POST, "/v1/agents", Some(child)).await;
    for agent in ["default", "child"] {
        for (host, value) in [("a.test", None), ("b.test", Some("value-of-b"))] {
            let url = format!("https://{host}/x");
            let output = daemon.cli(&["run", "--agent", agent, "--", "curl", "-sS", &url]).await;
            assert!(output.status.success(), "{output:?}");
            assert_eq!(origin.last().header("x-key"), value, "{agent} at {host}");
        }
    }
    let events = daemon.audit().await;
    let why = events.iter().filter_map(|event| event["notInjectedBecause"].as_str()).collect::<Vec<_>>();
    assert_eq!(why, ["a secret is bound to this host, but it is not assigned to this agent"; 2]);
    daemon.json(&["agents", "secrets", "default", "--all"]).await;
    daemon.run(&["curl", "-sS", "https://a.test/x"]).await;
    assert_eq!(origin.last().header("x-key"), Some("value-of-a"));
}
