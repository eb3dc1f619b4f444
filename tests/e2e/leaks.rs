//! Twenty secrets of odd shapes on every way that a secret can take, and nowhere afterwards but at the service.

use std::{os::unix::process::ExitStatusExt, sync::Arc};

use data_encoding::BASE64;
use http::{HeaderValue, Request, Response, StatusCode};
use onecli_tests::{
    canary::assert_none_leaks,
    daemon::Daemon,
    origin::{Handler, Origin, whole},
    proxy::Tunnel,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

/// How a secret is put in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Header,
    Basic,
    Query,
    Path,
}

use Way::{Basic, Header, Path, Query};

/// Every character is one that some log, page, shell, database or encoding treats in its own way.
const SHAPES: [(Way, &str); 20] = [
    (Header, "ghp_0123456789abcdefghijABCDEFGHIJ456789"),
    (Header, "q9+/Zm9v/YmFy+8Jk=="),
    (Header, "two words and   some 4ir between"),
    (Header, r#"say "k3y\path\u0041" 'twice' `now`"#),
    (Header, "100%25%41bc%zz-%s%n%x{0}${HOME}"),
    (Header, r#"{"private_key":"v4lue-1","nested":[1,2]}"#),
    (Header, "<b onload=x>&amp;k3y&#65;</b><!--"),
    (Header, "-----BEGIN KEY----- MIIx0abc -----END KEY-----"),
    (Header, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4OSJ9.c2lnbmF0dXJlLXg5"),
    (Header, "aoc_looksLikeOneOfOurTokens-4711_xyz"),
    (Header, "{value}-within-{value}-a7"),
    (Header, "'; DROP TABLE secrets; -- k1"),
    (Header, "(a+)+$[\\d]{3}|^k9.*?"),
    (Basic, "schlüssel-ключ-鍵-😀-1234"),
    (Basic, "pa:ss:w0rd/with@host?and=query#frag"),
    (Query, "a&b=c;d%26e+f g#h-k5"),
    (Query, "https://user:pa55@host.test/x?y=z9"),
    (Query, "日本語の鍵-22"),
    (Path, "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
    (Path, "~tilde_under.dot-dash~77"),
];

fn host(number: usize) -> String {
    format!("s{number}.test")
}

fn injection(way: Way) -> Value {
    match way {
        Header => json!({"headerName": "authorization", "valueFormat": "Bearer {value}"}),
        Basic => json!({"basicUsername": "user"}),
        Query => json!({"paramName": "key"}),
        Path => json!({"pathTemplate": "/bot{value}/*"}),
    }
}

/// Echoes what stood in the URL in a redirect, as services do; and fails where it is told to.
fn service() -> Handler {
    Arc::new(|request| {
        let mut response = Response::new(whole("{}"));
        match request.uri.path() {
            path if path.ends_with("/fails") => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            _ => {
                *response.status_mut() = StatusCode::FOUND;
                let there = HeaderValue::from_str(&request.uri.to_string()).unwrap();
                response.headers_mut().insert("location", there);
            }
        }
        response
    })
}

/// Whether a request came with the secret.
fn arrived(origin: &Origin, way: Way, value: &str) -> bool {
    let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    origin.received().iter().any(|request| match way {
        Header => request.header("authorization") == Some(&format!("Bearer {value}")),
        Basic => {
            let pair = BASE64.encode(format!("user:{value}").as_bytes());
            request.header("authorization") == Some(&format!("Basic {pair}"))
        }
        Query => request.uri.query().is_some_and(|query| query.ends_with(&format!("key={encoded}"))),
        Path => request.uri.path().starts_with(&format!("/bot{value}/")),
    })
}

/// Requests of every outcome. Gives back what the agent saw.
async fn every_flow(daemon: &Daemon, token: &str) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for (number, (way, _)) in SHAPES.iter().enumerate() {
        let host = host(number);
        for alpn in ["http/1.1", "h2"] {
            let mut tunnel = Tunnel::open(daemon, token, &host, alpn).await;
            for path in ["/redirects", "/fails", "/blocked"] {
                let path = if *way == Path {
                    format!("/botmine{path}?key=mine")
                } else {
                    format!("{path}?key=mine")
                };
                let request = match alpn {
                    "h2" => Request::get(format!("https://{host}{path}")),
                    _ => Request::get(&path).header("host", &host),
                };
                let request =
                    request.header("authorization", "Bearer mine").body(Default::default()).unwrap();
                let response = tunnel.send(request).await;
                seen.push(format!("{:?}", response.headers()).into_bytes());
                let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
                seen.push(body.to_vec());
            }
        }
    }
    seen
}

/// Calls of the API and commands that are refused, each with the value in it.
async fn every_refusal(daemon: &Daemon, way: Way, value: &str) -> Vec<Vec<u8>> {
    let valid = json!({
        "name": "refused", "type": "generic", "value": value, "hostPattern": "x.test", "injectionConfig": injection(way),
    });
    let with = |change: Value| {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let mut seen = Vec::new();
    for body in [
        with(json!({"value": format!("{value}\n")})),
        with(json!({"value": [value]})),
        with(json!({"value": {"of": value}})),
        with(json!({"value": format!("{value}{}", "x".repeat(17 * 1024))})),
        with(json!({"hostPattern": "*.com"})),
        with(json!({"type": "unknown"})),
        with(json!({"expiresAt": "soon"})),
        with(json!({"unknown": 1})),
        with(json!({"injectionConfig": {"headerName": "host"}})),
        json!([value]),
        json!(value),
    ] {
        let answer = daemon.call(Method::POST, "/v1/secrets", Some(body)).await;
        assert!(answer.status().is_client_error(), "{answer:?}");
        seen.push(answer.bytes().await.unwrap().to_vec());
    }
    let broken = reqwest::Client::builder().no_proxy().build().unwrap();
    let cut_off = format!("{{\"name\": \"x\", \"value\": {}", json!(value));
    let answer = broken.post(format!("{}/v1/secrets", daemon.api)).bearer_auth(daemon.api_key());
    seen.push(
        answer
            .header("content-type", "application/json")
            .body(cut_off)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec(),
    );
    let mut command = daemon.command(&[
        "secrets",
        "create",
        "x",
        "--host",
        "*.com",
        "--header",
        "x",
        "--value-env",
        "VALUE",
    ]);
    let output = command.env("VALUE", value).output().await.unwrap();
    assert!(!output.status.success());
    seen.extend([output.stdout, output.stderr]);
    seen
}

async fn store(daemon: &Daemon, number: usize, change: Value) -> Value {
    let (way, value) = SHAPES[number];
    let mut body = json!({
        "name": format!("secret-{number}"), "type": "generic", "value": value, "hostPattern": host(number),
        "injectionConfig": injection(way),
    });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let stored = daemon.call(Method::POST, "/v1/secrets", Some(body)).await;
    assert_eq!(stored.status(), 201, "{way:?} {value}: {}", stored.text().await.unwrap());
    stored.json().await.unwrap()
}

async fn block(daemon: &Daemon) {
    let rule = json!({"name": "no", "hostPattern": "*", "pathPattern": "*/blocked", "action": "block"});
    assert_eq!(daemon.call(Method::POST, "/v1/rules", Some(rule)).await.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_at_the_service_and_nowhere_else() {
    let origin = Origin::with(&["h2", "http/1.1"], Some(service())).await;
    let hosts: Vec<String> = (0..SHAPES.len()).map(|number| format!("{}:443", host(number))).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let mut daemon = Daemon::start(&origin, &hosts).await;
    block(&daemon).await;
    let token = daemon.token().await;
    let mut seen = Vec::new();
    for number in 0..SHAPES.len() {
        let stored = store(&daemon, number, json!({})).await;
        seen.push(stored.to_string().into_bytes());
    }
    seen.extend(every_flow(&daemon, &token).await);
    for (way, value) in SHAPES {
        assert!(arrived(&origin, way, value), "{way:?} {value}");
        seen.extend(every_refusal(&daemon, way, value).await);
    }
    // Two that tie, and one that has expired: the answers name secrets.
    let twin = store(&daemon, 0, json!({"name": "twin"})).await;
    daemon.json(&["secrets", "update", "secret-1", "--expires", "1s"]).await;
    onecli_tests::eventually("the secret has expired", || async {
        let mut tunnel = Tunnel::open(&daemon, &token, &host(1), "h2").await;
        (tunnel.get(&host(1), "/x").await.status() == 503).then_some(())
    })
    .await;
    seen.extend(every_flow(&daemon, &token).await);
    let said = |code: &str| seen.iter().any(|text| String::from_utf8_lossy(text).contains(code));
    assert!(said("ambiguous_secret") && said("credential_expired") && said("blocked_by_policy"));
    // Read again from the journal, by another process, with another value, and from a store that was closed in order.
    daemon.kill().await;
    daemon.launch().await;
    let path = format!("/v1/secrets/{}", twin["id"].as_str().unwrap());
    let changed = daemon.call(Method::PATCH, &path, Some(json!({"value": SHAPES[2].1}))).await;
    assert_eq!(changed.status(), 200);
    seen.extend(every_flow(&daemon, &token).await);
    daemon.stop().await;
    daemon.launch().await;
    let outputs: Vec<&[u8]> = seen.iter().map(Vec::as_slice).collect();
    assert_none_leaks(&daemon, &SHAPES.map(|(_, value)| value), &outputs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_aborts_leaves_no_core_file() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::prepare(&origin, &["s0.test:443"], &[]);
    // As a shell would that wants them.
    daemon.start_by(&["sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"]);
    daemon.launch().await;
    store(&daemon, 0, json!({})).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().filter(|part| *part == "0").count() == 2, "{core}");
    let ended = daemon.abort().await;
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped());
}
