//! Serving HTTP on a stream, until it ends or the gateway does.

use std::{convert::Infallible, future::Future, pin::Pin, time::Duration};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::{Shared, receive::LARGEST_HEADERS, reply::ReplyBody};

/// How long a client may take to send a request's head, from the end of the request before.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// When a connection ends before its client ends it.
pub(super) struct Until {
    drain: CancellationToken,
    abort: CancellationToken,
    closer: CancellationToken,
}

impl Until {
    /// `closer` ends this connection alone.
    pub(super) fn of(shared: &Shared, closer: CancellationToken) -> Self {
        Self { drain: shared.drain.clone(), abort: shared.abort.clone(), closer }
    }

    async fn end<C>(self, mut serving: Pin<&mut C>, shut_down: impl FnOnce(Pin<&mut C>))
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let ended = tokio::select! {
            ended = serving.as_mut() => Some(ended),
            () = self.abort.cancelled() => None,
            () = self.closer.cancelled() => None,
            () = self.drain.cancelled() => {
                shut_down(serving.as_mut());
                self.abort.run_until_cancelled(serving).await
            }
        };
        match ended {
            Some(Err(error)) if error.is_parse() || error.is_timeout() => {
                tracing::info!(error = %crate::error_chain(&error), "a connection was refused before there was a request");
            }
            Some(Err(error)) => {
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
        .header_read_timeout(HEAD_TIMEOUT)
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    until.end(std::pin::pin!(serving), |serving| serving.graceful_shutdown()).await;
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
        .max_header_list_size(u32::try_from(LARGEST_HEADERS * 2).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), service);
    until.end(std::pin::pin!(serving), |serving| serving.graceful_shutdown()).await;
}
