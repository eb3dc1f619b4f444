//! Connections to the gateway's port.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    connection::Connection,
    pipeline, reply,
    reply::ReplyBody,
    serve::{self, Until},
    socket, tunnel,
};

/// After an accept that failed for want of descriptors, others get time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    let closer = CancellationToken::new();
    let until = Until::of_stranger(&shared, closer.clone());
    let connection =
        Arc::new(Connection { peer, closer, room: Arc::new(room), _counted: None, tunnel: None });
    let service = service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&connection), request));
    serve::http1(until, stream, service).await;
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
