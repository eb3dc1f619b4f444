//! Bad input gets one clear sentence with a remedy, and nothing is half written.

use std::fs;

use onecli_tests::{canary::CANARY, daemon::Daemon, origin::Origin};
use serde_json::json;

/// Starts a daemon that must refuse, and gives back what it says.
async fn refusal(daemon: &Daemon, settings: &[(&str, &str)]) -> String {
    let mut command = daemon.command(&["start"]);
    command.envs(settings.iter().copied());
    let output =
        tokio::time::timeout(std::time::Duration::from_secs(20), command.output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_cannot_start_says_why() {
    let origin = Origin::start().await;
    let fresh = || Daemon::prepare(&origin, &["api.test:443"], &[]);
    let daemon = fresh();
    let said = refusal(
        &daemon,
        &[
            ("ONECLI_DEFAULT_POLICY", "perhaps"),
            ("ONECLI_RESOLVE", "nonsense"),
            ("ONECLI_DRAIN_SECONDS", "soon"),
        ],
    )
    .await;
    for part in
        ["ONECLI_DEFAULT_POLICY", "perhaps", "ONECLI_RESOLVE", "nonsense", "ONECLI_DRAIN_SECONDS", "soon"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!daemon.data_dir().exists(), "nothing was made");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for setting in ["ONECLI_GATEWAY_ADDR", "ONECLI_DASHBOARD_ADDR"] {
        let said = refusal(&fresh(), &[(setting, &address)]).await;
        assert!(
            said.contains(&taken.local_addr().unwrap().port().to_string()) && said.contains("in use"),
            "{said}"
        );
    }

    let said = refusal(&fresh(), &[("ONECLI_DATA_DIR", "/dev/null/onecli")]).await;
    assert!(said.contains("/dev/null/onecli") && said.contains("--data-dir"), "{said}");

    let said = refusal(&fresh(), &[("SECRET_ENCRYPTION_KEY", "too-short-to-be-a-key")]).await;
    assert!(said.contains("SECRET_ENCRYPTION_KEY") && said.contains("32 bytes"), "{said}");
    assert!(!said.contains("too-short-to-be-a-key"), "a key is not repeated: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_told_of_the_first() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let said = refusal(&daemon, &[]).await;
    assert!(said.contains("already running") && said.contains(&daemon.pid().to_string()), "{said}");
    assert!(daemon.get("/v1/health").await["status"] == "ok", "the first one goes on");
    assert!(daemon.cli(&["agents", "list"]).await.status.success(), "by its socket too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_changes_nothing() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    daemon.stop().await;
    let before = fs::read(daemon.data_dir().join("onecli.db")).unwrap();
    let said = refusal(&daemon, &[("SECRET_ENCRYPTION_KEY", &"00".repeat(32))]).await;
    assert!(said.contains("master key") && said.contains("SECRET_ENCRYPTION_KEY"), "{said}");
    assert_eq!(fs::read(daemon.data_dir().join("onecli.db")).unwrap(), before);
    let key = daemon.data_dir().join("secret-encryption.key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let said = refusal(&daemon, &[]).await;
    assert!(said.contains("secret-encryption.key"), "{said}");
    assert!(!key.exists(), "no other key is made while sealed data exist");
    fs::write(&key, kept).unwrap();
    daemon.launch().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_what_is_wrong() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let secret = |change: serde_json::Value| {
        let mut body = json!({"name": "x", "type": "generic", "value": CANARY, "hostPattern": "api.test", "injectionConfig": {"headerName": "x-key"}});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let rows = [
        ("/v1/secrets", secret(json!({"hostPattern": "*.com"})), 422, "*.example.com"),
        ("/v1/secrets", secret(json!({"hostPattern": "https://x"})), 422, "leave out https://"),
        ("/v1/secrets", secret(json!({"hostPattern": "a b"})), 422, "not a host name"),
        ("/v1/secrets", secret(json!({"pathPattern": "v1"})), 422, "write /v1"),
        ("/v1/secrets", secret(json!({"value": format!("{CANARY}\nx: y")})), 422, "line break"),
        ("/v1/secrets", secret(json!({"value": ""})), 422, "empty"),
        (
            "/v1/secrets",
            secret(json!({"injectionConfig": {"headerName": "x", "valueFormat": "a\r\nb{value}"}})),
            422,
            "valueformat",
        ),
        ("/v1/secrets", secret(json!({"injectionConfig": {"headerName": "host"}})), 422, "host"),
        ("/v1/secrets", secret(json!({"surprise": 1})), 400, "surprise"),
        ("/v1/secrets", json!(CANARY), 400, ""),
        ("/v1/secrets", secret(json!({"value": {"v": CANARY}})), 400, "value"),
        (
            "/v1/rules",
            json!({"name": "r", "hostPattern": "https://x", "action": "block"}),
            422,
            "leave out https://",
        ),
        ("/v1/rules", json!({"name": "r", "hostPattern": "x", "action": "maybe"}), 400, "action"),
        ("/v1/agents", json!({"name": "A", "identifier": "Not Good"}), 422, "such as ci-release"),
        ("/v1/agents", json!({"name": "A", "identifier": "default"}), 409, "default"),
    ];
    for (path, body, status, said) in rows {
        let response = daemon.call(reqwest::Method::POST, path, Some(body.clone())).await;
        let (got, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(got, status, "{body}: {text}");
        let error: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"].as_str().unwrap().to_lowercase().contains(said), "{body}: {text}");
        assert!(!text.contains(CANARY), "{text}");
    }
    assert_eq!(daemon.get("/v1/secrets").await, json!([]), "nothing was half written");
    assert_eq!(daemon.get("/v1/rules").await, json!([]));
    for (method, path, status) in [
        (reqwest::Method::GET, "/v1/agents/nobody", 404),
        (reqwest::Method::GET, "/v1/container-config?agent=nobody", 404),
        (reqwest::Method::GET, "/v1/nothing", 404),
        (reqwest::Method::PUT, "/v1/agents", 405),
    ] {
        let response = daemon.call(method, path, None).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(response.json::<serde_json::Value>().await.unwrap()["error"].is_string(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_api_key_opens_the_api() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let agents = format!("{}/v1/agents", daemon.api);
    for key in ["", "oc_wrong", &daemon.token().await] {
        let answer = client.get(&agents).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{key}");
    }
    assert_eq!(client.get(&agents).send().await.unwrap().status(), 401);
    let rebound = client
        .get(&agents)
        .bearer_auth(daemon.api_key())
        .header("host", "evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(rebound.status(), 421);
    for open in ["/v1/health", "/v1/gateway-url", "/v1/gateway/ca", "/api/health"] {
        assert_eq!(client.get(format!("{}{open}", daemon.api)).send().await.unwrap().status(), 200, "{open}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_with_the_code_that_scripts_look_at() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let code = async |daemon: &Daemon, arguments: &[&str]| {
        let output = daemon.cli(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    assert_eq!(code(&daemon, &["agents", "list"]).await.0, 0);
    assert_eq!(code(&daemon, &["agents", "get", "nobody"]).await.0, 3);
    assert_eq!(code(&daemon, &["run", "--agent", "nobody", "--", "true"]).await.0, 3);
    assert_eq!(code(&daemon, &["agents", "frobnicate"]).await.0, 2);
    assert_eq!(code(&daemon, &["run", "--", "sh", "-c", "exit 42"]).await.0, 42, "the child's own");
    assert_eq!(
        code(&daemon, &["secrets", "create", "x", "--host", "*.com", "--header", "x", "--value", "y"])
            .await
            .0,
        1
    );
    daemon.stop().await;
    let (unreachable, said) = code(&daemon, &["agents", "list"]).await;
    assert_eq!(unreachable, 5);
    assert!(said.contains("onecli start"), "{said}");
}
