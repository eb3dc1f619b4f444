//! Connections to the gateway's port.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;

use super::{
    Shared,
    connection::Connection,
    connections::count,
    one_of::OneOf,
    pipeline, reply,
    reply::ReplyBody,
    serve::{self, Until},
    socket, tunnel,
};

/// After an accept that failed for want of descriptors, others get time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An accepted connection, with or without TLS.
pub(super) type Entry = OneOf<TcpStream, Box<TlsStream<TcpStream>>>;

/// Accepts connections until the gateway drains.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = shared.drain.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(room) = shared.connections.accept() {
                    shared.tasks.spawn(serve_proxy(Arc::clone(&shared), stream, peer, room));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_proxy(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, room: OwnedSemaphorePermit) {
    if socket::set_up(&stream, shared.limits.stall).is_err() {
        return;
    }
    let entering = tokio::time::timeout(serve::STRANGERS_HEAD, enter(&shared, stream));
    let Some(Ok(Some(stream))) = shared.drain.run_until_cancelled(entering).await else { return };
    let closer = shared.abort.child_token();
    let until = Until::of_stranger(&shared, closer.clone());
    let source = peer.ip().to_canonical().to_string().into();
    let connection =
        Arc::new(Connection { peer, source, closer, room: Arc::new(room), _counted: None, tunnel: None });
    let service = service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&connection), request));
    serve::http1(until, stream, service).await;
}

/// Shakes hands where TLS is spoken; a client says by its first byte whether it does.
async fn enter(shared: &Shared, stream: TcpStream) -> Option<Entry> {
    let Some(tls) = &shared.tls else { return Some(OneOf::First(stream)) };
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first == [tunnel::TLS_HANDSHAKE] => {
            let shaking = tokio::time::timeout(shared.limits.handshake, tls.accept(stream));
            match shaking.await {
                Ok(Ok(stream)) => Some(OneOf::Second(Box::new(stream))),
                Ok(Err(error)) => {
                    count(&shared.connections.closed().tls);
                    tracing::info!(%error, "a TLS handshake with the gateway's port failed");
                    None
                }
                Err(_) => {
                    count(&shared.connections.closed().tls);
                    None
                }
            }
        }
        Ok(1) => Some(OneOf::First(stream)),
        _ => None,
    }
}

async fn handle(
    shared: Arc<Shared>, connection: Arc<Connection>, request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    Ok(match request.method() {
        &Method::CONNECT => tunnel::open(shared, &connection, request).await,
        _ if request.uri().authority().is_none() => local(&shared, request).await,
        _ => pipeline::serve(&shared, &connection, request).await,
    })
}

/// Requests to the gateway itself.
async fn local(shared: &Shared, request: Request<Incoming>) -> Response<ReplyBody> {
    let Some(service) = &shared.local else {
        return reply::own(StatusCode::NOT_FOUND, bytes::Bytes::new(), "text/plain");
    };
    let (head, _) = request.into_parts();
    let answer = service.call(Request::from_parts(head, ())).await;
    answer.map(|body| http_body_util::Either::Left(body.into()))
}
