//! gRPC, HTTP/2 on both sides: a real client and a real service.

use std::{net::SocketAddr, process::Stdio};

use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    generated::repository,
    origin::server_files,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_streams_pass_with_a_credential() {
    let (python, clients) =
        (repository().join("target/test-venv/bin/python"), repository().join("tests/clients"));
    let directory = tempfile::tempdir().unwrap();
    let (ca_pem, certificate, key) = server_files(directory.path(), "grpc.test");
    let mut command = Command::new(&python);
    command.arg(clients.join("grpc_server.py")).args([certificate, key]);
    let mut service = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut said = BufReader::new(service.stdout.take().unwrap()).lines();
    let port: u16 = said.next_line().await.unwrap().unwrap().parse().unwrap();
    let mut daemon =
        Daemon::before(SocketAddr::from(([127, 0, 0, 1], port)), &ca_pem, &["grpc.test:443"], &[]);
    daemon.launch().await;
    daemon.secret("grpc", CANARY, &["--host", "grpc.test", "--header", "x-key"]).await;
    daemon
        .json(&["rules", "create", "no", "--action", "block", "--host", "grpc.test", "--path", "*/Blocked"])
        .await;
    let client = clients.join("python_grpc.py");
    let output = daemon.run(&[python.to_str().unwrap(), client.to_str().unwrap(), "grpc.test:443"]).await;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = format!(
        "once hello 1 {}\neach word 0\neach word 1\neach word 2\nended []\nFAILED_PRECONDITION as you like asked to\nblocked PERMISSION_DENIED\n",
        CANARY.len()
    );
    assert_eq!(shown, expected, "{output:?}");
    let events = daemon.audit().await;
    let decisions: Vec<_> = events.iter().map(|event| (&event["path"], &event["decision"])).collect();
    let expected = [("Blocked", "blocked"), ("Once", "allowed"), ("Each", "allowed"), ("Once", "allowed")];
    for ((path, decision), (call, expected)) in decisions.iter().zip(expected) {
        assert_eq!(
            (path.as_str().unwrap(), decision.as_str().unwrap()),
            (&*format!("/test.Service/{call}"), expected)
        );
    }
    assert_eq!(decisions.len(), 4);
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
}
