//! A real service: TLS with a certificate of its own authority for whatever host it is asked for, HTTP/1.1 and HTTP/2.

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;

/// A request as the service got it.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Received {
    /// The only value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() < 2, "{name} came {} times", values.len());
        values.first().map(|value| value.to_str().unwrap())
    }
}

pub type ServiceBody = BoxBody<Bytes, Infallible>;

/// Answers a request in a test's own way.
pub type Handler = Arc<dyn Fn(Received) -> Response<ServiceBody> + Send + Sync>;

/// A running service.
pub struct Origin {
    pub address: SocketAddr,
    /// The root that its certificates are signed by.
    pub ca_pem: String,
    received: Arc<Mutex<Vec<Received>>>,
    chunks: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
}

impl Origin {
    /// Speaks HTTP/2 and HTTP/1.1, as its clients like.
    pub async fn start() -> Self {
        Self::with(&["h2", "http/1.1"], None).await
    }

    /// Speaks only what is named, and answers as `handler` does where there is one.
    pub async fn with(alpn: &[&str], handler: Option<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, ca_pem) = Authority::acceptor(alpn);
        let chunks = Arc::new(Semaphore::new(0));
        let origin = Self { address, ca_pem, received: Arc::default(), chunks, begun: Arc::default() };
        let (received, chunks) = (Arc::clone(&origin.received), Arc::clone(&origin.chunks));
        let begun = Arc::clone(&origin.begun);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (acceptor, received, chunks, handler) =
                    (acceptor.clone(), Arc::clone(&received), Arc::clone(&chunks), handler.clone());
                let begun = Arc::clone(&begun);
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        begun.fetch_add(1, Ordering::Relaxed);
                        answer(request, Arc::clone(&received), Arc::clone(&chunks), handler.clone())
                    });
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        origin
    }

    /// Everything that it has received.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The only request that it has received.
    pub fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received[0].clone()
    }

    /// The last request that it has received.
    pub fn last(&self) -> Received {
        self.received().last().expect("nothing was received").clone()
    }

    /// How many requests have begun to come.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Lets one more chunk of `/stream/N` go out.
    pub fn release_chunk(&self) {
        self.chunks.add_permits(1);
    }
}

async fn answer(
    request: Request<Incoming>, log: Arc<Mutex<Vec<Received>>>, chunks: Arc<Semaphore>,
    handler: Option<Handler>,
) -> Result<Response<ServiceBody>, Infallible> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/echo-stream" {
        // Answers at once, and sends back each piece as it comes.
        let pieces = body.map_frame(|frame| frame).map_err(|_| unreachable!("the client stays"));
        return Ok(Response::new(BoxBody::new(pieces)));
    }
    if head.uri.path() == "/early" {
        // Answers, and lets the rest come.
        tokio::spawn(body.collect());
        return Ok(plain(StatusCode::OK, "early"));
    }
    let Ok(body) = body.collect().await else { return Ok(plain(StatusCode::BAD_REQUEST, "cut off")) };
    let received = Received {
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        trailers: body.trailers().cloned(),
        body: body.to_bytes(),
    };
    log.lock().unwrap().push(received.clone());
    if received.uri.path() == "/wait" {
        // Answers once a chunk is released.
        chunks.acquire().await.unwrap().forget();
    }
    Ok(match handler {
        Some(handler) => handler(received),
        None => standard(received, chunks),
    })
}

/// The standard answers, by path.
fn standard(request: Received, chunks: Arc<Semaphore>) -> Response<ServiceBody> {
    let path = request.uri.path().to_owned();
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    if let Some(status) = path.strip_prefix("/status/") {
        return plain(StatusCode::from_bytes(status.as_bytes()).unwrap(), "as asked");
    }
    if let Some(count) = path.strip_prefix("/stream/") {
        return Response::new(streamed(number(count), chunks));
    }
    if let Some(mebibytes) = path.strip_prefix("/mebibytes/") {
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        let pieces = std::iter::repeat_n(piece, number(mebibytes)).map(|piece| Ok(Frame::data(piece)));
        return Response::new(BoxBody::new(StreamBody::new(stream::iter(pieces))));
    }
    if let Some(length) = path.strip_prefix("/bytes/") {
        return Response::new(whole(vec![b'x'; number(length)]));
    }
    match path.as_str() {
        "/echo" => Response::new(whole(request.body)),
        "/count" => Response::new(whole(request.body.len().to_string())),
        "/headers" => {
            let mut response = plain(StatusCode::OK, "headers");
            let headers = response.headers_mut();
            headers.append("set-cookie", HeaderValue::from_static("a=1"));
            headers.append("set-cookie", HeaderValue::from_static("b=2; Path=/"));
            headers.append("x-onecli-error", HeaderValue::from_static("forged"));
            headers.append("etag", HeaderValue::from_static("\"v1\""));
            response
        }
        _ => plain(StatusCode::OK, "{\"hello\":\"agent\"}"),
    }
}

pub fn plain(status: StatusCode, text: &'static str) -> Response<ServiceBody> {
    let mut response = Response::new(whole(text));
    *response.status_mut() = status;
    response
}

pub fn whole(bytes: impl Into<Bytes>) -> ServiceBody {
    BoxBody::new(Full::new(bytes.into()))
}

fn streamed(count: usize, chunks: Arc<Semaphore>) -> ServiceBody {
    let frames = stream::unfold(0, move |sent| {
        let chunks = Arc::clone(&chunks);
        async move {
            if sent == count {
                return None;
            }
            chunks.acquire().await.unwrap().forget();
            let frame = Frame::data(Bytes::from(format!("chunk {sent}\n")));
            Some((Ok::<_, Infallible>(frame), sent + 1))
        }
    });
    BoxBody::new(StreamBody::new(
        Box::pin(frames) as std::pin::Pin<Box<dyn futures_util::Stream<Item = _> + Send + Sync>>
    ))
}

/// Writes a certificate for `host` and its key, for a server that is a program of its own. Gives back the root and where they are.
pub fn server_files(directory: &Path, host: &str) -> (String, PathBuf, PathBuf) {
    let (authority, ca_pem) = Authority::new();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let (certificate_file, key_file) = (directory.join("server.pem"), directory.join("server.key"));
    fs::write(directory.join("root.pem"), &ca_pem).unwrap();
    fs::write(&certificate_file, certificate.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    (ca_pem, certificate_file, key_file)
}

/// Makes a certificate for each host on first use.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    fn new() -> (Self, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        (Self { issuer: Issuer::new(params, key), made: Mutex::default() }, pem)
    }

    /// What serves TLS for whatever host is asked for, and the root that its certificates are signed by.
    pub(crate) fn acceptor(alpn: &[&str]) -> (TlsAcceptor, String) {
        let (authority, ca_pem) = Self::new();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(authority));
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        (TlsAcceptor::from(Arc::new(config)), ca_pem)
    }

    fn make(&self, host: &str) -> Arc<CertifiedKey> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().unwrap_or("127.0.0.1").to_owned();
        let mut made = self.made.lock().unwrap();
        Some(Arc::clone(made.entry(host.clone()).or_insert_with(|| self.make(&host))))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}
