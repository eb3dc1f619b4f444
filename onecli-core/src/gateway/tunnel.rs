//! CONNECT: opening a tunnel and looking into it.

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header::TRANSFER_ENCODING, uri::Scheme};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::{
    Shared,
    authenticate::authenticate,
    connection::{Connection, Tunnel},
    pipeline,
    prefixed::{Prefixed, peek},
    receive::{self, Place},
    reply::{self, ReplyBody},
    serve::{self, Until},
    splice::Splice,
};
use crate::{
    audit::Ticket,
    model::Host,
    policy::PolicyAgent,
    refusal::{Cause, Refused},
};

/// How long a client may take from the answer to CONNECT to the end of the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of a TLS handshake record (RFC 8446 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Answers a CONNECT. Of one that is looked into the rules judge each request inside, where refusals can be read by
/// the client; a tunnel is judged here.
pub(super) async fn open(
    shared: Arc<Shared>, connection: &Connection, mut request: Request<Incoming>,
) -> Response<ReplyBody> {
    let mut ticket = Ticket::open(&shared.recorder, Some(connection.source()));
    let agent = match authenticate(&shared, None, request.headers()) {
        Ok(agent) => agent,
        Err(cause) => return reply::refuse(Refused { cause, ticket }),
    };
    ticket.note_agent(&agent);
    ticket.note_method(request.method());
    let place = match destination(&request) {
        Ok(place) => place,
        Err(cause) => return reply::refuse(Refused { cause, ticket }),
    };
    ticket.note_host(&place.host, place.port);
    let permit = match shared.rules.decide_tunnel(&agent, &place.host, place.port, &mut ticket).await {
        Ok(permit) => permit,
        Err(cause) => return reply::refuse(Refused { cause, ticket }),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    if let Some(permit) = permit {
        ticket.note_secrets(Vec::new(), Some("the connection is not looked into"));
        return match Splice::connect(&shared.connector, &place.host, place.port, permit, ticket).await {
            Ok(splice) => {
                shared.tasks.spawn(splice.run(upgrade, shared.abort.clone()));
                established()
            }
            Err(refused) => reply::refuse(*refused),
        };
    }
    ticket.withdraw();
    let inside = Inside { peer: connection.clone(), agent, host: place.host, port: place.port };
    let tasks = shared.tasks.clone();
    tasks.spawn(inside.serve(shared, upgrade));
    established()
}

fn established() -> Response<ReplyBody> {
    Response::new(Either::Left(Full::new(Bytes::new())))
}

/// The authority of a CONNECT, which names its port (RFC 9110 9.3.6).
fn destination(request: &Request<Incoming>) -> Result<Place, Cause> {
    let authority = request.uri().authority().ok_or(Cause::BadRequest("CONNECT names no host"))?;
    if request.uri().scheme().is_some() {
        return Err(Cause::BadRequest("CONNECT takes host:port, without a scheme or path"));
    }
    if authority.port().is_none() {
        return Err(Cause::BadRequest("CONNECT names no port; send host:port"));
    }
    if request.headers().contains_key(TRANSFER_ENCODING) || !request.body().is_end_stream() {
        return Err(Cause::BadRequest("a CONNECT has no body"));
    }
    let place = Place::parse(authority.as_str(), 0)?;
    match receive::host_field(request.headers())?.map(|text| Place::parse(text, place.port)).transpose()? {
        Some(named) if named.host != place.host => {
            Err(Cause::BadRequest("the Host header and the CONNECT name different hosts"))
        }
        _ => Ok(place),
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<ReplyBody>, Infallible>> + Send>>;

/// The inside of a tunnel.
struct Inside {
    peer: Connection,
    agent: Arc<PolicyAgent>,
    host: Host,
    port: u16,
}

impl Inside {
    async fn serve(self, shared: Arc<Shared>, upgrade: OnUpgrade) {
        let abort = shared.abort.clone();
        abort.run_until_cancelled(self.look_inside(shared, upgrade)).await;
    }

    async fn look_inside(self, shared: Arc<Shared>, upgrade: OnUpgrade) {
        let Ok(upgraded) = upgrade.await else { return };
        // What stands below the upgrade is the connection that was accepted.
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
        let first =
            tokio::time::timeout(HANDSHAKE_TIMEOUT, peek(parts.read_buf, parts.io.into_inner())).await;
        match first {
            Ok(Ok(Some((TLS_HANDSHAKE, stream)))) => self.serve_tls(shared, stream).await,
            Ok(Ok(Some((_, stream)))) => {
                let until = Until::of(&shared, self.peer.closer.clone());
                let requests = self.requests(shared, Scheme::HTTP, false);
                serve::http1(until, stream, service_fn(requests)).await;
            }
            // Nothing came.
            _ => {}
        }
    }

    async fn serve_tls(self, shared: Arc<Shared>, stream: Prefixed<TcpStream>) {
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.handshake(&shared, stream));
        match handshake.await.unwrap_or_else(|_| Err("it took too long".into())) {
            Ok((stream, other_sni)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let until = Until::of(&shared, self.peer.closer.clone());
                let requests = self.requests(shared, Scheme::HTTPS, other_sni);
                match http2 {
                    true => serve::http2(until, stream, service_fn(requests)).await,
                    false => serve::http1(until, stream, service_fn(requests)).await,
                }
            }
            Err(detail) => self.record_failure(&shared, detail),
        }
    }

    /// The certificate is for the host of the CONNECT, whatever name the client's handshake asks for.
    async fn handshake(
        &self, shared: &Shared, stream: Prefixed<TcpStream>,
    ) -> Result<(tokio_rustls::server::TlsStream<Prefixed<TcpStream>>, bool), String> {
        let readable = |error: std::io::Error| error.to_string();
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(readable)?;
        let asked = hello.client_hello().server_name().map(Host::parse);
        let other_sni = asked.is_some_and(|asked| asked.as_ref() != Ok(&self.host));
        let config = shared.authority.server_config(&self.host).await.map_err(|error| error.to_string())?;
        let stream = hello.into_stream(config).await.map_err(readable)?;
        Ok((stream, other_sni))
    }

    /// A client that does not trust the gateway's root is a common fault: it must show in the audit log.
    fn record_failure(&self, shared: &Shared, detail: String) {
        let mut ticket = Ticket::open(&shared.recorder, Some(self.peer.source()));
        ticket.note_agent(&self.agent);
        ticket.note_method(&http::Method::CONNECT);
        ticket.note_host(&self.host, self.port);
        // Nobody reads the reply: the tunnel is broken.
        let _ = reply::refuse(Refused { cause: Cause::ClientTlsFailed(detail), ticket });
    }

    /// What serves the requests inside.
    fn requests(
        &self, shared: Arc<Shared>, scheme: Scheme, other_sni: bool,
    ) -> impl Fn(Request<Incoming>) -> Answering + use<> {
        let token = self.agent.token_hash;
        let tunnel = Tunnel { token, host: self.host.clone(), port: self.port, scheme, other_sni };
        let connection = Arc::new(Connection { tunnel: Some(tunnel), ..self.peer.clone() });
        move |request| {
            let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
            Box::pin(async move { Ok(pipeline::serve(&shared, &connection, request).await) })
        }
    }
}
