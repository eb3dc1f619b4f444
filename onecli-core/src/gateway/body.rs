//! Bodies on their way, counted, and the end of a response recorded before it is passed on.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{
    audit::{Ending, Ticket},
    model::Decision,
};

/// Any error of a body.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body, counted.
pub(super) struct CountedRequest {
    inner: Incoming,
    bytes: Arc<AtomicU64>,
}

impl CountedRequest {
    pub(super) fn new(inner: Incoming, bytes: Arc<AtomicU64>) -> Self {
        Self { inner, bytes }
    }
}

impl Body for CountedRequest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request's body whose trailers can't bring in a header that the gateway fills.
pub(super) struct CleanTrailers<B> {
    inner: B,
    dropped: Vec<HeaderName>,
}

impl<B> CleanTrailers<B> {
    pub(super) fn new(inner: B, dropped: Vec<HeaderName>) -> Self {
        Self { inner, dropped }
    }

    fn clean(&self, trailers: &mut HeaderMap) {
        for name in &self.dropped {
            trailers.remove(name);
        }
        super::headers::strip_own(trailers);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CleanTrailers<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            frame.map(|mut frame| {
                if let Some(trailers) = frame.trailers_mut() {
                    self.clean(trailers);
                }
                frame
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body that records the end of its exchange before the last of it is passed on.
pub struct RecordedResponse {
    inner: Incoming,
    /// Bytes that are still to come, if the service said how many.
    remaining: Option<u64>,
    status: StatusCode,
    /// Gone once the end is recorded.
    ticket: Option<Ticket>,
}

impl RecordedResponse {
    /// Watches over a body; one that is empty is recorded at once.
    pub(super) fn new(inner: Incoming, status: StatusCode, ticket: Ticket) -> Result<Self, BodyError> {
        let remaining = inner.size_hint().exact();
        let mut body = Self { remaining, inner, status, ticket: Some(ticket) };
        if body.is_complete() {
            body.finish(None)?;
        }
        Ok(body)
    }

    fn is_complete(&self) -> bool {
        self.inner.is_end_stream() || self.remaining == Some(0)
    }

    fn finish(&mut self, error: Option<&'static str>) -> Result<(), BodyError> {
        let Some(ticket) = self.ticket.take() else { return Ok(()) };
        let ending = Ending { decision: Decision::Allowed, status: Some(self.status), reason: None, error };
        ticket.finish(ending).map_err(|error| {
            tracing::error!(error = %crate::error_chain(&error), "a response is cut off, since its end can't be recorded");
            error.into()
        })
    }

    fn passing(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        match frame.data_ref() {
            Some(data) => {
                self.remaining = self.remaining.map(|left| left.saturating_sub(data.remaining() as u64));
                if let Some(ticket) = &mut self.ticket {
                    ticket.add_response_bytes(data.len());
                }
                if self.is_complete() {
                    self.finish(None)?;
                }
            }
            // Trailers are the end.
            None => self.finish(None)?,
        }
        Ok(frame)
    }
}

impl Body for RecordedResponse {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => Some(self.passing(frame)),
            Some(Err(error)) => {
                // It is cut off either way; what counts is that the event says so.
                let _ = self.finish(Some("upstream_aborted"));
                Some(Err(error.into()))
            }
            None => self.finish(None).err().map(Err),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ticket.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
