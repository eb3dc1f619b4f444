//! A data directory on a disk that is full.

use http_body_util::BodyExt;
use onecli_tests::{daemon::Daemon, eventually, origin::Origin, proxy::Tunnel};
use serde_json::Value;

const HOST: &[&str] = &["api.test:443"];

/// A daemon in a view of the file system in which its journal has a small disk of its own.
async fn on_a_small_disk(origin: &Origin, settings: &[(&str, &str)]) -> Daemon {
    let mut daemon = Daemon::prepare(origin, HOST, settings);
    let journal = daemon.data_dir().join("journal");
    let script = format!(
        "mkdir -p {0} && mount -t tmpfs -o size=1m,mode=700 tmpfs {0} && exec \"$@\"",
        journal.display()
    );
    daemon.start_by(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
    daemon.launch().await;
    daemon
}

/// The journal's directory as the daemon sees it.
fn journal(daemon: &Daemon) -> std::path::PathBuf {
    let data = daemon.data_dir();
    format!("/proc/{}/root{}", daemon.pid(), data.join("journal").display()).into()
}

async fn get(daemon: &Daemon, token: &str) -> (u16, String) {
    let mut tunnel = Tunnel::open(daemon, token, "api.test", "http/1.1").await;
    let response = tunnel.get("api.test", "/x").await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, reply["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_refused_and_goes_on_when_there_is_room() {
    let origin = Origin::start().await;
    let daemon = on_a_small_disk(&origin, &[("RUST_LOG", "info")]).await;
    let token = daemon.token().await;
    assert_eq!(get(&daemon, &token).await.0, 200);
    let filler = journal(&daemon).join("filler");
    // As much as there is.
    let _ = std::fs::write(&filler, vec![0; 2 << 20]);
    eventually("it is refused", || async {
        (get(&daemon, &token).await == (503, "audit_unavailable".into())).then_some(())
    })
    .await;
    let served = origin.received().len();
    assert_eq!(get(&daemon, &token).await.0, 503);
    assert_eq!(origin.received().len(), served, "nothing leaves that is not recorded");
    std::fs::remove_file(filler).unwrap();
    eventually("there is room", || async { (get(&daemon, &token).await.0 == 200).then_some(()) }).await;
    let served = origin.received().len();
    eventually("all of it is in the log", || async {
        let events = daemon.audit().await;
        let allowed =
            events.iter().filter(|event| event["decision"] == "allowed" && event["path"] == "/x").count();
        (allowed == served).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_to_goes_on_without_a_record() {
    let origin = Origin::start().await;
    let settings = [("ONECLI_JOURNAL_FAILURE", "continue"), ("RUST_LOG", "info")];
    let daemon = on_a_small_disk(&origin, &settings).await;
    let token = daemon.token().await;
    let _ = std::fs::write(journal(&daemon).join("filler"), vec![0; 2 << 20]);
    for _ in 0..20 {
        assert_eq!(get(&daemon, &token).await.0, 200);
    }
    assert!(daemon.log().contains("audit records can't be written and are lost"), "{}", daemon.log());
}
