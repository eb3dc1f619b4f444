//! A client of the gateway that shows what real ones hide: one tunnel, one connection, each request by itself.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::daemon::Daemon;

/// A connection inside a tunnel.
pub enum Tunnel {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Tunnel {
    /// CONNECTs to `host:443` and speaks `alpn` inside.
    pub async fn open(daemon: &Daemon, token: &str, host: &str, alpn: &str) -> Self {
        let stream = tls(daemon, token, &format!("{host}:443"), host, alpn).await;
        let io = TokioIo::new(stream);
        if alpn == "h2" {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            return Self::Http2(sender);
        }
        let (sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    /// Sends a request as it is.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(request).await.unwrap()
            }
            Self::Http2(sender) => sender.send_request(request).await.unwrap(),
        }
    }

    /// Sends a request on a connection that may have ended.
    pub async fn try_send(
        &mut self, method: Method, host: &str, path: &str, body: Bytes,
    ) -> Option<Response<Incoming>> {
        let request = match self {
            Self::Http1(_) => Request::builder().uri(path).header("host", host),
            Self::Http2(_) => Request::builder().uri(format!("https://{host}{path}")),
        };
        let request = request.method(method).body(Full::new(body)).unwrap();
        match self {
            Self::Http1(sender) => {
                sender.ready().await.ok()?;
                sender.send_request(request).await.ok()
            }
            Self::Http2(sender) => sender.send_request(request).await.ok(),
        }
    }

    /// GETs a path of a host, on a connection that may have ended.
    pub async fn try_get(&mut self, host: &str, path: &str) -> Option<Response<Incoming>> {
        self.try_send(Method::GET, host, path, Bytes::new()).await
    }

    /// GETs a path of a host.
    pub async fn get(&mut self, host: &str, path: &str) -> Response<Incoming> {
        let request = match self {
            Self::Http1(_) => Request::get(path).header("host", host),
            Self::Http2(_) => Request::get(format!("https://{host}{path}")),
        };
        self.send(request.body(Full::default()).unwrap()).await
    }
}

/// CONNECTs to `authority`. Gives back the stream and the head of the answer.
pub async fn connect(daemon: &Daemon, token: &str, authority: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(&daemon.gateway).await.unwrap();
    let credentials = BASE64.encode(format!("x:{token}").as_bytes());
    let connect = format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"
    );
    stream.write_all(connect.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    (stream, answer)
}

/// CONNECTs to `authority`, and shakes hands for the name `sni`.
pub async fn tls(
    daemon: &Daemon, token: &str, authority: &str, sni: &str, alpn: &str,
) -> TlsStream<TcpStream> {
    let (stream, answer) = connect(daemon, token, authority).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(daemon.root().await.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// CONNECTs to `authority`, and shakes hands with whoever is there, for the name `sni` and trusting `roots`.
pub async fn try_tls(
    daemon: &Daemon, token: &str, authority: &str, sni: &str, roots: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let (stream, answer) = connect(daemon, token, authority).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_slice(roots.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(sni.to_owned()).unwrap(), stream).await
}

/// Sends bytes to the gateway's port as they are, and reads all that it answers until it closes.
pub async fn raw(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&daemon.gateway).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn head(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}
