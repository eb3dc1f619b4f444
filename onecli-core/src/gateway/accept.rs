//! Connections to the gateway's port, and the requests on them.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use super::{
    Shared, connection::Connection, pipeline, receive::LARGEST_HEADERS, reply, reply::ReplyBody, tunnel,
};

/// How long a client may take to send a request's head, from the end of the request before.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
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
                shared.tasks.spawn(serve_proxy(Arc::clone(&shared), stream, peer));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_proxy(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    serve_http1(shared, stream, Connection { peer, tunnel: None }).await;
}

/// Serves HTTP/1.1 on a stream.
pub(super) async fn serve_http1(
    shared: Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, connection: Connection,
) {
    let (drain, abort) = (shared.drain.clone(), shared.abort.clone());
    let connection = Arc::new(connection);
    let service = service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&connection), request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = abort.cancelled() => None,
        () = drain.cancelled() => {
            serving.as_mut().graceful_shutdown();
            abort.run_until_cancelled(serving).await
        }
    };
    log_end(ended);
}

/// Serves HTTP/2 on a stream.
pub(super) async fn serve_http2(
    shared: Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, connection: Connection,
) {
    let (drain, abort) = (shared.drain.clone(), shared.abort.clone());
    let connection = Arc::new(connection);
    let service = service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&connection), request));
    let serving = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .auto_date_header(false)
        // Above the limit that the pipeline checks, so that it is the pipeline that answers.
        .max_header_list_size(u32::try_from(LARGEST_HEADERS * 2).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = abort.cancelled() => None,
        () = drain.cancelled() => {
            serving.as_mut().graceful_shutdown();
            abort.run_until_cancelled(serving).await
        }
    };
    log_end(ended);
}

fn log_end(ended: Option<hyper::Result<()>>) {
    match ended {
        Some(Err(error)) if error.is_parse() || error.is_timeout() => {
            tracing::info!(error = %crate::error_chain(&error), "a connection was refused before there was a request");
        }
        Some(Err(error)) => tracing::debug!(error = %crate::error_chain(&error), "a connection broke off"),
        _ => {}
    }
}

async fn handle(
    shared: Arc<Shared>, connection: Arc<Connection>, request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let outside = connection.tunnel.is_none();
    Ok(match request.method() {
        &Method::CONNECT if outside => tunnel::open(shared, &connection, request),
        _ if outside && request.uri().authority().is_none() => local(&shared, request).await,
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
