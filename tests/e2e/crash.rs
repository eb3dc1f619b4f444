//! A killed daemon loses no event of a response that a client has seen, and doubles none.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::BodyExt;
use onecli_tests::{daemon::Daemon, eventually, origin::Origin, proxy::Tunnel};

const CLIENTS: usize = 8;
const SEEN_BEFORE_THE_KILL: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn kill_in_the_middle_of_load() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::with(&origin, &["api.test:443"], &[("RUST_LOG", "info")]).await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    for round in 0..3 {
        let token = daemon.token().await;
        let count = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let alpn = if client % 2 == 0 { "h2" } else { "http/1.1" };
            let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
            let (seen, count) = (Arc::clone(&seen), Arc::clone(&count));
            // Ends when the daemon is gone: the tunnel's next request fails.
            clients.push(tokio::spawn(async move {
                for number in 0.. {
                    let path = format!("/bytes/100/{round}-{client}-{number}");
                    let response = tunnel.get("api.test", &path).await;
                    if response.into_body().collect().await.is_ok() {
                        seen.lock().unwrap().push(path);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }));
        }
        eventually("enough was seen", || async {
            (count.load(Ordering::Relaxed) >= SEEN_BEFORE_THE_KILL).then_some(())
        })
        .await;
        daemon.kill().await;
        for client in clients {
            assert!(client.await.unwrap_err().is_panic(), "it ended when its connection did");
        }
        daemon.launch().await;
    }
    let mut recorded: HashMap<String, usize> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let response =
            daemon.call(reqwest::Method::GET, &format!("/v1/audit?limit=1000{cursor}"), None).await;
        let next = response.headers().get("x-next-cursor").map(|next| next.to_str().unwrap().to_owned());
        for event in response.json::<Vec<serde_json::Value>>().await.unwrap() {
            assert_eq!(event["count"], 1);
            *recorded.entry(event["path"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 3 * SEEN_BEFORE_THE_KILL);
    for path in seen.iter() {
        assert_eq!(recorded.get(path), Some(&1), "{path}");
    }
    assert!(recorded.values().all(|times| *times == 1), "no event is doubled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_lets_running_exchanges_end_and_records_them() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let token = daemon.token().await;
    let mut tunnel = Tunnel::open(&daemon, &token, "api.test", "h2").await;
    let response = tunnel.get("api.test", "/stream/2").await;
    let (code, body) = tokio::join!(daemon.stop(), async {
        origin.release_chunk();
        origin.release_chunk();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    assert_eq!((code, &body[..]), (Some(0), &b"chunk 0\nchunk 1\n"[..]));
    daemon.launch().await;
    let events = daemon.audit().await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["decision"], &events[0]["error"]), (&"allowed".into(), &serde_json::Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let origin = Origin::start().await;
    let mut daemon = Daemon::start(&origin, &["api.test:443"]).await;
    daemon.secret("api", "a-secret-value", &["--host", "api.test", "--header", "x-key"]).await;
    daemon.json(&["rules", "create", "stop", "--action", "block", "--host", "other.test"]).await;
    let (token, root) = (daemon.token().await, daemon.root().await);
    assert_eq!(daemon.stop().await, Some(0));
    daemon.launch().await;
    assert_eq!((daemon.token().await, daemon.root().await), (token.clone(), root));
    assert_eq!(daemon.get("/v1/rules").await.as_array().unwrap().len(), 1);
    assert_eq!(
        Tunnel::open(&daemon, &token, "api.test", "h2").await.get("api.test", "/").await.status(),
        200
    );
    assert_eq!(origin.only().header("x-key"), Some("a-secret-value"));
}
