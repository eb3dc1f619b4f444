use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixListener,
    thread,
};

use super::{Client, Discovery, Error};
use crate::types::{AuditDecision, AuditQuery};

/// Answers one request with `answer` and gives back what it received.
fn serve_once<S: Read + Write + Send + 'static>(
    accept: impl FnOnce() -> S + Send + 'static, status: &'static str, answer: &'static str,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut stream = accept();
        let mut request = Vec::new();
        let mut chunk = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).unwrap();
            request.extend_from_slice(&chunk[..read]);
        }
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nx-next-cursor: 7\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    })
}

fn tcp(status: &'static str, answer: &'static str) -> (Client, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder().url(url).api_key("oc_test".to_owned()).build().unwrap();
    (client, serve_once(move || listener.accept().unwrap().0, status, answer))
}

#[tokio::test]
async fn the_key_goes_along_and_the_query_is_encoded() {
    let (client, server) = tcp("200 OK", "[]");
    let query = AuditQuery {
        agent: Some("a&b".into()),
        decision: Some(AuditDecision::Blocked),
        limit: Some(5),
        ..AuditQuery::default()
    };
    let page = client.audit(&query).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("7"));
    let request = server.join().unwrap();
    assert!(
        request.starts_with("GET /v1/audit?agent=a%26b&decision=blocked&limit=5 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("authorization: Bearer oc_test\r\n"), "{request}");
}

#[tokio::test]
async fn errors_say_what_the_daemon_said() {
    for (status, kind) in [
        ("401 Unauthorized", "Unauthorized"),
        ("403 Forbidden", "Unauthorized"),
        ("404 Not Found", "NotFound"),
        ("409 Conflict", "Conflict"),
        ("422 Unprocessable Content", "Invalid"),
        ("503 Service Unavailable", "Server"),
    ] {
        let (client, server) = tcp(status, r#"{"error":"a sentence"}"#);
        let error = client.settings().await.unwrap_err();
        assert_eq!(error.to_string(), "a sentence");
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
        server.join().unwrap();
    }
    let (client, _server) = tcp("200 OK", "{}");
    assert!(matches!(client.settings().await, Err(Error::Decode { .. })));
}

#[tokio::test]
async fn a_bad_health_report_is_an_answer() {
    let (client, _server) =
        tcp("503 Service Unavailable", r#"{"status":"unavailable","version":"1","store":"unavailable"}"#);
    assert_eq!(client.health().await.unwrap().store, "unavailable");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::builder().url(format!("http://127.0.0.1:{port}")).build().unwrap();
    assert!(matches!(client.agents().await, Err(Error::Unreachable { .. })));
}

#[tokio::test]
async fn discovery_prefers_the_local_socket_and_reads_the_owner_key() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("api-key"), "oc_owner\n").unwrap();
    let found = Discovery { url: None, api_key: None, data_dir: dir.path().to_owned() };
    assert!(
        matches!(found.client(), Err(Error::Unreachable { .. })),
        "the key does not go to whoever listens"
    );
    let named = Discovery { api_key: Some("oc_named".to_owned().into()), ..found.clone() };
    assert_eq!(named.client().unwrap().address(), "http://127.0.0.1:10254");

    let listener = UnixListener::bind(dir.path().join("api.sock")).unwrap();
    let client = found.client().unwrap();
    drop(listener.accept().unwrap()); // the look whether anybody listens
    let server =
        serve_once(move || listener.accept().unwrap().0, "200 OK", r#"{"url":"http://127.0.0.1:1"}"#);
    assert_eq!(client.gateway_url().await.unwrap().url, "http://127.0.0.1:1");
    assert!(server.join().unwrap().contains("authorization: Bearer oc_owner\r\n"));
}

#[tokio::test]
async fn the_owner_key_goes_to_no_port() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("api-key"), "oc_owner\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client =
        Discovery { url: Some(url), api_key: None, data_dir: dir.path().to_owned() }.client().unwrap();
    let server = serve_once(move || listener.accept().unwrap().0, "401 Unauthorized", "{}");
    assert!(matches!(client.settings().await, Err(Error::Unauthorized(_))));
    assert!(!server.join().unwrap().contains("oc_owner"));
}

#[test]
fn addresses_that_can_not_be_meant_are_refused() {
    for address in ["", "localhost:10254", "ftp://a", "http://user:pass@a", "http://a/?q=1", "unix:/a"] {
        assert!(matches!(Client::builder().url(address).build(), Err(Error::Configuration(_))), "{address}");
    }
    let key = Client::builder().api_key("oc_\nx".to_owned()).build().unwrap_err().to_string();
    assert!(key.contains("API key") && !key.contains("oc_\n"));
}
