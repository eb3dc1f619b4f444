//! Serving HTTP on a stream, until it ends or the gateway does.

use std::{convert::Infallible, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::{
    Limits, Shared,
    connections::{Connections, count},
    connector::find,
    reply::ReplyBody,
};

/// When a connection ends before its client ends it.
pub(super) struct Until {
    drain: CancellationToken,
    closer: CancellationToken,
    limits: Arc<Limits>,
    connections: Arc<Connections>,
}

/// How long a request's head may take outside of a tunnel.
pub(super) const STRANGERS_HEAD: Duration = Duration::from_secs(30);
/// What hyper needs at least.
const LEAST_BUFFER: usize = 8 * 1024;
/// How long a client may take to answer a ping over HTTP/2.
const PING_PATIENCE: Duration = Duration::from_secs(20);

impl Until {
    /// For a connection of which nothing is known yet: whoever opens it has less time.
    pub(super) fn of_stranger(shared: &Shared, closer: CancellationToken) -> Self {
        let mut until = Self::of(shared, closer);
        let head = until.limits.head.min(STRANGERS_HEAD);
        until.limits = Arc::new(Limits { head, ..(*shared.limits).clone() });
        until
    }

    /// `closer` ends this connection alone, or with all others.
    pub(super) fn of(shared: &Shared, closer: CancellationToken) -> Self {
        Self {
            drain: shared.drain.clone(),
            closer,
            limits: Arc::clone(&shared.limits),
            connections: Arc::clone(&shared.connections),
        }
    }

    async fn end<C>(self, is_http2: bool, mut serving: Pin<&mut C>, shut_down: impl FnOnce(Pin<&mut C>))
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let Self { drain, closer, connections, .. } = self;
        let ended = tokio::select! {
            ended = serving.as_mut() => Some(ended),
            () = closer.cancelled() => None,
            () = drain.cancelled() => {
                shut_down(serving.as_mut());
                closer.run_until_cancelled(serving).await
            }
        };
        let closed = connections.closed();
        match ended {
            Some(Err(error)) if error.is_parse() || error.is_timeout() => {
                count(if error.is_timeout() { &closed.slow } else { &closed.not_http });
                tracing::info!(error = %crate::error_chain(&error), "a connection was refused before there was a request");
            }
            Some(Err(error)) => {
                // Neither side's connection broke off, so it was closed for what it said.
                if is_http2 && find::<io::Error>(&error).is_none() {
                    count(&closed.broken_http2);
                }
                tracing::debug!(error = %crate::error_chain(&error), "a connection broke off")
            }
            _ => {}
        }
    }
}

/// Serves HTTP/1.1.
pub(super) async fn http1<S>(
    until: Until, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: S,
) where
    S: Service<Request<Incoming>, Response = Response<ReplyBody>, Error = Infallible, Future: Send>,
{
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(until.limits.head)
        .max_headers(until.limits.header_count)
        // Room for the longest target and the largest fields; hyper's own is far more for each connection.
        .max_buf_size(LEAST_BUFFER.max(until.limits.uri_bytes + until.limits.header_bytes * 5 / 4))
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    until.end(false, std::pin::pin!(serving), |serving| serving.graceful_shutdown()).await;
}

/// Serves HTTP/2.
pub(super) async fn http2<S>(
    until: Until, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: S,
) where
    S: Service<Request<Incoming>, Response = Response<ReplyBody>, Error = Infallible, Future: Send + 'static>,
{
    let serving = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .auto_date_header(false)
        // Above the limit that the pipeline checks, so that it is the pipeline that answers.
        .max_header_list_size(u32::try_from(until.limits.header_bytes * 2).unwrap_or(u32::MAX))
        .enable_connect_protocol()
        .max_concurrent_streams(until.limits.streams)
        .max_pending_accept_reset_streams(until.limits.resets)
        // A client that is gone without a word is noticed.
        .keep_alive_interval(until.limits.head)
        .keep_alive_timeout(PING_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    until.end(true, std::pin::pin!(serving), |serving| serving.graceful_shutdown()).await;
}
