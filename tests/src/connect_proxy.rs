//! The proxy of a company, as far as the tests need one: CONNECT, with or without a password.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use data_encoding::BASE64;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A running proxy.
pub struct ConnectProxy {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Default)]
struct Ways {
    /// `user:password`.
    credentials: Option<String>,
    /// Where every name leads.
    to: Option<SocketAddr>,
    refuses: bool,
    tls: Option<TlsAcceptor>,
}

impl ConnectProxy {
    /// One that asks for `user:password`, or for nothing.
    pub async fn start(credentials: Option<&str>) -> Self {
        Self::with(Ways { credentials: credentials.map(str::to_owned), ..Ways::default() }).await
    }

    /// One for which every name leads to the same place.
    pub async fn leading_to(to: SocketAddr) -> Self {
        Self::with(Ways { to: Some(to), ..Ways::default() }).await
    }

    /// One that lets nobody anywhere.
    pub async fn refusing() -> Self {
        Self::with(Ways { refuses: true, ..Ways::default() }).await
    }

    /// One that speaks TLS.
    pub async fn start_tls(certificate: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
            .unwrap();
        Self::with(Ways { tls: Some(Arc::new(config).into()), ..Ways::default() }).await
    }

    async fn with(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (ways, log) = (ways.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    match &ways.tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &ways, &log).await;
                            }
                        }
                        None => serve(stream, &ways, &log).await,
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// Where it was asked to connect, and did.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, ways: &Ways, log: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let authority = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    assert!(head.contains(&format!("\r\nhost: {authority}\r\n")), "{head}");
    let expected = ways.credentials.as_ref().map(|pair| BASE64.encode(pair.as_bytes()));
    let refusal = match expected {
        Some(expected) if !head.contains(&format!("\r\nproxy-authorization: Basic {expected}\r\n")) => {
            Some("407 Proxy Authentication Required")
        }
        _ if ways.refuses => Some("403 Forbidden"),
        _ => None,
    };
    if let Some(refusal) = refusal {
        let answer = format!("HTTP/1.1 {refusal}\r\nContent-Length: 4\r\n\r\nwell");
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    log.lock().unwrap().push(authority.clone());
    let mut service = match ways.to {
        Some(to) => TcpStream::connect(to).await.unwrap(),
        None => TcpStream::connect(&authority).await.unwrap(),
    };
    let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    let _ = copy_bidirectional(&mut stream, &mut service).await;
}
