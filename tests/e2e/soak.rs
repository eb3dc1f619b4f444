//! Mixed load with clients that leave, services that break off, and a policy that changes: nothing grows, nothing panics, and every
//! response that a client saw is in the log once. A few seconds in `./test`, half an hour with `ONECLI_SOAK_SECONDS=1800 ./test soak`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    origin::{Handler, Origin, plain, whole},
    proxy::Tunnel,
};
use serde_json::json;

const CLIENTS: u64 = 8;
/// How often memory and open files are looked at.
const SAMPLES: u32 = 15;
/// How much may be added while it runs, once all buffers stand.
const GROWTH_KIB: u64 = 24 * 1024;

fn seconds() -> u64 {
    std::env::var_os("ONECLI_SOAK_SECONDS").map_or(8, |text| text.to_str().unwrap().parse().unwrap())
}

/// Answers in ways that differ with the last digit of the path.
fn service() -> Handler {
    Arc::new(|request| {
        let path = request.uri.path();
        match path.bytes().last() {
            Some(b'0' | b'1') => plain(StatusCode::INTERNAL_SERVER_ERROR, "broken"),
            Some(b'2') => Response::new(whole(vec![b'x'; 200_000])),
            // Breaks off in the middle of what it announced.
            Some(b'3') => {
                let mut response = Response::new(whole("short"));
                response.headers_mut().insert("content-length", "500".parse().unwrap());
                response
            }
            _ => plain(StatusCode::OK, "fine"),
        }
    })
}

fn open_files(daemon: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_and_nothing_is_lost() {
    let origin = Origin::with(&["h2", "http/1.1"], Some(service())).await;
    let daemon = Arc::new(Daemon::with(&origin, &["api.test:443"], &[("RUST_LOG", "warn")]).await);
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    let token = daemon.token().await;
    let end = Instant::now() + Duration::from_secs(seconds());
    let seen: Arc<Mutex<HashMap<String, u16>>> = Arc::default();
    let done = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (daemon, token) = (Arc::clone(&daemon), token.clone());
            let (seen, done) = (Arc::clone(&seen), Arc::clone(&done));
            tokio::spawn(async move {
                let alpn = if client % 2 == 0 { "h2" } else { "http/1.1" };
                let mut tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
                for number in 0_u64.. {
                    if Instant::now() > end {
                        return;
                    }
                    let path = format!("/{client}/{number}");
                    // A step through all digits, and what is done with them, in an order of each client's own.
                    let leaves = (number * 7 + client) % 11 == 0;
                    let (method, body) = match number % 5 {
                        4 => (Method::POST, Bytes::from(vec![b'u'; 100_000])),
                        _ => (Method::GET, Bytes::new()),
                    };
                    let Some(response) = tunnel.try_send(method, "api.test", &path, body).await else {
                        tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
                        continue;
                    };
                    let status = response.status().as_u16();
                    if leaves {
                        drop(response);
                        tunnel = Tunnel::open(&daemon, &token, "api.test", alpn).await;
                    } else if response.into_body().collect().await.is_ok() {
                        seen.lock().unwrap().insert(path, status);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (begun, mut samples) = (Instant::now(), Vec::new());
    let mut rule = None;
    while Instant::now() < end {
        // A block that comes and goes, and a secret that is rotated.
        match rule.take() {
            None => {
                let block = json!({"name": "now and then", "hostPattern": "api.test", "pathPattern": "*5", "action": "block"});
                let made = daemon.call(reqwest::Method::POST, "/v1/rules", Some(block)).await;
                rule =
                    Some(made.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned());
            }
            Some(id) => drop(daemon.call(reqwest::Method::DELETE, &format!("/v1/rules/{id}"), None).await),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        if samples.len() < usize::try_from(SAMPLES).unwrap()
            && begun.elapsed()
                > Duration::from_secs(seconds()) / SAMPLES * u32::try_from(samples.len() + 1).unwrap()
        {
            samples.push((daemon.resident_kib(), open_files(&daemon)));
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    // All buffers stand after a third of the time.
    let (resident, files) = samples[samples.len() / 3];
    let grown = daemon.resident_kib().saturating_sub(resident);
    assert!(grown < GROWTH_KIB, "grown by {grown} KiB");
    onecli_tests::eventually("its files are closed", || async {
        (open_files(&daemon) <= files + 40).then_some(())
    })
    .await;
    let mut recorded: HashMap<String, Vec<u16>> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = daemon.call(reqwest::Method::GET, &format!("/v1/audit?limit=1000{cursor}"), None).await;
        let next = page.headers().get("x-next-cursor").map(|value| value.to_str().unwrap().to_owned());
        for event in page.json::<Vec<serde_json::Value>>().await.unwrap() {
            if let (Some(path), Some(status)) = (event["path"].as_str(), event["status"].as_u64()) {
                recorded.entry(path.to_owned()).or_default().push(u16::try_from(status).unwrap());
            }
        }
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let seen = seen.lock().unwrap();
    for (path, status) in seen.iter() {
        assert_eq!(recorded.get(path), Some(&vec![*status]), "{path}");
    }
    assert!(seen.len() > 500, "{}", seen.len());
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    println!(
        "{} requests, {} whole responses, grown by {grown} KiB; resident at equal times: {:?}",
        done.load(Ordering::Relaxed),
        seen.len(),
        samples.iter().map(|(resident, _)| resident).collect::<Vec<_>>()
    );
}
