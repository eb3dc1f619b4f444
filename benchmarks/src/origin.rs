//! The service: TLS, HTTP/1.1, answers made beforehand.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Under this name the service is asked for.
pub const HOST: &str = "service.test";
pub const LARGE: usize = 10 * 1024 * 1024;
pub const EVENTS: usize = 200;
/// One event is sent each.
pub const PAUSE: Duration = Duration::from_millis(5);

pub struct Authority {
    pub certificate: String,
    pub key: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Benchmark authority");
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, key: key.serialize_pem(), issuer: Issuer::new(params, key) }
    }
}

/// Starts the service. Events carry the time since `begun`.
pub async fn start(authority: &Authority, begun: Instant) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (small, large) = (Bytes::from(vec![b's'; 1024]), Bytes::from(vec![b'l'; LARGE]));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (acceptor, small, large) = (acceptor.clone(), small.clone(), large.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| answer(request, small.clone(), large.clone(), begun));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>, small: Bytes, large: Bytes, begun: Instant,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let body = match request.uri().path() {
        "/large" => BoxBody::new(Full::new(large)),
        "/events" => events(begun),
        _ => BoxBody::new(Full::new(small)),
    };
    Ok(Response::new(body))
}

fn events(begun: Instant) -> BoxBody<Bytes, Infallible> {
    let frames = stream::unfold(0, move |sent| async move {
        if sent == EVENTS {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
        let event = format!("data: {}\n\n", begun.elapsed().as_nanos());
        Some((Ok(Frame::data(Bytes::from(event))), sent + 1))
    });
    type Frames =
        std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync>>;
    StreamBody::new(Box::pin(frames) as Frames).boxed()
}
