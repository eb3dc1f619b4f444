//! A client: one connection to the service, through a proxy or not.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
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

use crate::{contender::Contender, origin::HOST};

/// How a contender is reached.
pub struct Way {
    connector: TlsConnector,
    address: SocketAddr,
    connect: Option<String>,
}

impl Way {
    pub fn of(contender: &Contender, service: SocketAddr) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(contender.root.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each handshake is a whole one.
        config.resumption = rustls::client::Resumption::disabled();
        let connect = contender.proxy.as_ref().map(|proxy| {
            let credentials = proxy
                .credentials
                .iter()
                .map(|value| format!("Proxy-Authorization: {value}\r\n"))
                .collect::<String>();
            format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n{credentials}\r\n")
        });
        let address = contender.proxy.as_ref().map_or(service, |proxy| proxy.address);
        Self { connector: TlsConnector::from(Arc::new(config)), address, connect }
    }

    pub async fn open(&self) -> http1::SendRequest<Empty<Bytes>> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if let Some(connect) = &self.connect {
            stream.write_all(connect.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(stream.read_u8().await.unwrap());
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
        let name = ServerName::try_from(HOST).unwrap();
        let stream = self.connector.connect(name, stream).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

pub async fn get(sender: &mut http1::SendRequest<Empty<Bytes>>, path: &str) -> Response<Incoming> {
    sender.ready().await.unwrap();
    let request = Request::get(path).header("host", HOST).header("authorization", "Bearer placeholder");
    let response = sender.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response
}
