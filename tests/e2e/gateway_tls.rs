//! The gateway's own port over TLS.

use std::sync::Arc;

use data_encoding::BASE64;
use onecli_tests::{
    canary::CANARY,
    daemon::Daemon,
    eventually,
    origin::{self, Origin},
    proxy::raw,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

async fn started(origin: &Origin) -> (Daemon, String, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let (root, certificate, key) = origin::server_files(directory.path(), "gateway.corp");
    let settings = [
        ("ONECLI_GATEWAY_TLS_CERT", certificate.to_str().unwrap()),
        ("ONECLI_GATEWAY_TLS_KEY", key.to_str().unwrap()),
    ];
    let daemon = Daemon::with(origin, &["api.test:443"], &settings).await;
    daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
    (daemon, root, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_may_be_spoken_to_over_tls_or_not() {
    let origin = Origin::start().await;
    let (daemon, root, directory) = started(&origin).await;
    let token = daemon.token().await;
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (proxy_root, gateway_root) =
        (file("proxy.pem", &root), file("gateway-root.pem", &daemon.root().await));
    let port = daemon.gateway.rsplit_once(':').unwrap().1;
    let curl = async |proxy: &str, version: &str| {
        let resolve = format!("gateway.corp:{port}:127.0.0.1");
        let user = format!("x:{token}");
        let arguments = [
            "-sS",
            version,
            "--resolve",
            &resolve,
            "--proxy",
            proxy,
            "--proxy-user",
            &user,
            "--proxy-cacert",
            &proxy_root,
            "--cacert",
            &gateway_root,
            "https://api.test/x",
        ];
        tokio::process::Command::new("curl").args(arguments).output().await.unwrap()
    };
    for proxy in [format!("https://gateway.corp:{port}"), format!("http://gateway.corp:{port}")] {
        for version in ["--http1.1", "--http2"] {
            let output = curl(&proxy, version).await;
            assert!(output.status.success(), "{proxy}: {output:?}");
            assert_eq!(origin.last().header("x-key"), Some(CANARY));
        }
    }
    assert_eq!(origin.received().len(), 4);
    assert!(daemon.log().contains("with TLS or without"), "{}", daemon.log());
}

/// GETs the health of the gateway over TLS, if its certificate is signed by `root`.
async fn health(daemon: &Daemon, root: &str) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(&daemon.gateway).await.unwrap();
    let name = ServerName::try_from("gateway.corp").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    Some(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up() {
    let origin = Origin::start().await;
    let (daemon, root, directory) = started(&origin).await;
    assert!(health(&daemon, &root).await.unwrap().starts_with("HTTP/1.1 200"));
    // What can't be used changes nothing.
    std::fs::write(directory.path().join("server.pem"), "nothing").unwrap();
    eventually("it is said", || async { daemon.log().contains("keeps its certificate").then_some(()) }).await;
    assert!(health(&daemon, &root).await.is_some());
    let (renewed, ..) = origin::server_files(directory.path(), "gateway.corp");
    eventually("it is taken up", || async { health(&daemon, &renewed).await }).await;
    assert!(health(&daemon, &root).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_inside_of_tls_is_passed_on() {
    let origin = Origin::start().await;
    let (daemon, root, _directory) = started(&origin).await;
    daemon.json(&["config", "set", "passthroughHosts", "api.test"]).await;
    let token = BASE64.encode(format!("x:{}", daemon.token().await).as_bytes());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    roots.add(CertificateDer::from_pem_slice(origin.ca_pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(&daemon.gateway).await.unwrap();
    let mut outer = connector.connect(ServerName::try_from("gateway.corp").unwrap(), stream).await.unwrap();
    let connect = format!(
        "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Basic {token}\r\n\r\n"
    );
    outer.write_all(connect.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(outer.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    let mut inner = connector.connect(ServerName::try_from("api.test").unwrap(), outer).await.unwrap();
    inner.write_all(b"GET /x HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = inner.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_fails_is_counted_and_others_go_on() {
    let origin = Origin::start().await;
    let (daemon, root, _directory) = started(&origin).await;
    let mut stream = TcpStream::connect(&daemon.gateway).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x00\x05nonsense").await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert!(
        raw(&daemon, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(health(&daemon, &root).await.is_some());
    assert!(daemon.log().contains("a TLS handshake with the gateway's port failed"), "{}", daemon.log());
}
