//! The audit log as a file.

use http_body_util::BodyExt;
use onecli_tests::{daemon::Daemon, origin::Origin, proxy::Tunnel};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_comes_in_either_form() {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let agent = json!({"name": "=cmd|'/c calc'!A1", "identifier": "odd"});
    let agent: Value = daemon.call(Method::POST, "/v1/agents", Some(agent)).await.json().await.unwrap();
    let token = agent["accessToken"].as_str().unwrap();
    let mut tunnel = Tunnel::open(&daemon, token, "api.test", "http/1.1").await;
    for number in 0..1_050 {
        let response = tunnel.get("api.test", &format!("/{number},\"")).await;
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 17);
    }
    let listed: usize = daemon.audit().await.len();
    assert_eq!(listed, 1_000, "more than a page");
    let export = async |query: &str| {
        let answer = daemon.call(Method::GET, &format!("/v1/audit/export?{query}"), None).await;
        assert!(answer.status().is_success(), "{answer:?}");
        let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, answer.text().await.unwrap())
    };
    let (content_type, lines) = export("format=ndjson&agent=odd").await;
    assert_eq!(content_type, "application/x-ndjson");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counted: u64 = events.iter().map(|event| event["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 1_050);
    let (content_type, table) = export("format=csv&agent=odd").await;
    assert_eq!(content_type, "text/csv; charset=utf-8");
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].starts_with("id,at,kind,actor,source,agentId,agentName"), "{}", rows[0]);
    assert_eq!(rows.len(), events.len() + 1);
    assert!(rows[1].contains(",'=cmd|'/c calc'!A1,"), "{}", rows[1]);
    let (_, none) = export("format=csv&host=nowhere.test").await;
    assert_eq!(none.lines().count(), 1);
    let bad = daemon.call(Method::GET, "/v1/audit/export?format=xml", None).await;
    assert_eq!(bad.status(), 400);
}
