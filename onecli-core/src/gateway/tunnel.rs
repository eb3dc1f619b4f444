//! CONNECT: opening a tunnel and looking into it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, header::TRANSFER_ENCODING, uri::Scheme};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio_rustls::LazyConfigAcceptor;

use super::{
    Shared,
    accept::Entry,
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
    rules::Watch,
};

/// The first byte of a TLS handshake record (RFC 8446 5.1).
pub(super) const TLS_HANDSHAKE: u8 = 0x16;

/// Answers a CONNECT. Of one that is looked into the rules judge each request inside, where refusals can be read by
/// the client; a tunnel is judged here.
pub(super) async fn open(
    shared: Arc<Shared>, connection: &Connection, mut request: Request<Incoming>,
) -> Response<ReplyBody> {
    let mut ticket = Ticket::open(&shared.recorder, Some(connection.source()));
    let agent = match authenticate(&shared, connection, request.headers()) {
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
    let counted = match shared.connections.connect(&agent) {
        Ok(counted) => counted,
        Err(cause) => return reply::refuse(Refused { cause, ticket }),
    };
    let permit = match shared.rules.decide_tunnel(&agent, &place.host, place.port, &mut ticket).await {
        Ok(permit) => permit,
        Err(cause) => return reply::refuse(Refused { cause, ticket }),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    if let Some(permit) = permit {
        ticket.note_secrets(Vec::new(), Some("the connection is not looked into"));
        return match Splice::connect(&shared.connector, &place.host, place.port, permit, ticket).await {
            Ok(splice) => {
                let abort = shared.abort.clone();
                let room = Arc::clone(&connection.room);
                shared.tasks.spawn(async move {
                    splice.run(upgrade, abort).await;
                    drop((counted, room));
                });
                established()
            }
            Err(refused) => reply::refuse(*refused),
        };
    }
    let watch = shared.rules.watch_connection(&agent, connection.closer.clone());
    let inside = Inside {
        peer: Connection { _counted: Some(Arc::new(counted)), ..connection.clone() },
        agent,
        host: place.host,
        port: place.port,
        ticket,
        _watch: watch,
    };
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
    /// Of the CONNECT, for a connection on which no request comes.
    ticket: Ticket,
    /// Ends the connection when its agent may no longer have it.
    _watch: Watch,
}

impl Inside {
    async fn serve(mut self, shared: Arc<Shared>, upgrade: OnUpgrade) {
        let closer = self.peer.closer.clone();
        let requests = Arc::new(AtomicU64::new(0));
        let looking = self.look_inside(shared, upgrade, Arc::clone(&requests));
        let ended = closer.run_until_cancelled(looking).await;
        match (ended, requests.load(Ordering::Relaxed)) {
            // Nobody reads the reply: the tunnel is broken.
            (Some(Err(detail)), _) => {
                drop(reply::refuse(Refused { cause: Cause::ClientTlsFailed(detail), ticket: self.ticket }))
            }
            // From the first request on those are the exchanges.
            (_, 1..) => self.ticket.withdraw(),
            (_, 0) => {
                self.ticket.note_reason("no request came on the connection");
                drop(self.ticket);
            }
        }
    }

    /// Serves what is inside. The error is what the client's TLS handshake failed of.
    async fn look_inside(
        &self, shared: Arc<Shared>, upgrade: OnUpgrade, requests: Arc<AtomicU64>,
    ) -> Result<(), String> {
        let Ok(upgraded) = upgrade.await else { return Ok(()) };
        // What stands below the upgrade is the connection that was accepted.
        let Ok(parts) = upgraded.downcast::<TokioIo<Entry>>() else { return Ok(()) };
        let first =
            tokio::time::timeout(shared.limits.handshake, peek(parts.read_buf, parts.io.into_inner())).await;
        match first {
            Ok(Ok(Some((TLS_HANDSHAKE, stream)))) => self.serve_tls(shared, stream, requests).await,
            Ok(Ok(Some((_, stream)))) => {
                let until = Until::of(&shared, self.peer.closer.clone());
                let service = self.requests(shared, Scheme::HTTP, false, requests);
                serve::http1(until, stream, service_fn(service)).await;
                Ok(())
            }
            // Nothing came.
            _ => Ok(()),
        }
    }

    async fn serve_tls(
        &self, shared: Arc<Shared>, stream: Prefixed<Entry>, requests: Arc<AtomicU64>,
    ) -> Result<(), String> {
        let handshake = tokio::time::timeout(shared.limits.handshake, self.handshake(&shared, stream));
        let (stream, other_sni) = handshake.await.unwrap_or_else(|_| Err("it took too long".into()))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let until = Until::of(&shared, self.peer.closer.clone());
        let service = self.requests(shared, Scheme::HTTPS, other_sni, requests);
        match http2 {
            true => serve::http2(until, stream, service_fn(service)).await,
            false => serve::http1(until, stream, service_fn(service)).await,
        }
        Ok(())
    }

    /// The certificate is for the host of the CONNECT, whatever name the client's handshake asks for.
    async fn handshake(
        &self, shared: &Shared, stream: Prefixed<Entry>,
    ) -> Result<(tokio_rustls::server::TlsStream<Prefixed<Entry>>, bool), String> {
        let readable = |error: std::io::Error| error.to_string();
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(readable)?;
        let asked = hello.client_hello().server_name().map(Host::parse);
        let other_sni = asked.is_some_and(|asked| asked.as_ref() != Ok(&self.host));
        let config = shared.authority.server_config(&self.host).await.map_err(|error| error.to_string())?;
        let stream = hello.into_stream(config).await.map_err(readable)?;
        Ok((stream, other_sni))
    }

    /// What serves the requests inside.
    fn requests(
        &self, shared: Arc<Shared>, scheme: Scheme, other_sni: bool, count: Arc<AtomicU64>,
    ) -> impl Fn(Request<Incoming>) -> Answering + use<> {
        let token = self.agent.token_hash;
        let tunnel = Tunnel { token, host: self.host.clone(), port: self.port, scheme, other_sni };
        let connection = Arc::new(Connection { tunnel: Some(tunnel), ..self.peer.clone() });
        move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            let (shared, connection) = (Arc::clone(&shared), Arc::clone(&connection));
            Box::pin(async move { Ok(pipeline::serve(&shared, &connection, request).await) })
        }
    }
}
