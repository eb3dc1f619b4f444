//! Bodies on their way, counted, and the end of a response recorded before it is passed on.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::MapErr};
use hyper::body::Incoming;
use tokio::runtime::Handle;

use super::{
    lanes::Place,
    stall::{Stalled, Unstalled},
    upload::UploadGuard,
};
use crate::{
    audit::{Ending, Ticket},
    exchange::BrokenBody,
    model::{Decision, remove_every_spelling},
    rules::{Revocation, Watch},
};

/// Any error of a body.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body, counted up to a limit.
pub(super) struct CountedRequest {
    inner: Option<Incoming>,
    bytes: Arc<AtomicU64>,
    limit: Option<u64>,
    /// Unless its client waits to be asked for it.
    is_coming: bool,
}

/// So much of a body that nobody wants is taken in all the same, for as long.
const UNWANTED_BYTES: usize = 256 * 1024;
const UNWANTED_TIME: Duration = Duration::from_secs(2);

impl CountedRequest {
    pub(super) fn new(
        inner: Incoming, bytes: Arc<AtomicU64>, limit: Option<u64>, headers: &HeaderMap,
    ) -> Self {
        Self { inner: Some(inner), bytes, limit, is_coming: !headers.contains_key(header::EXPECT) }
    }
}

/// An answer before the request's end resets an HTTP/2 stream, or closes an HTTP/1.1 connection, and some clients show their users the reset in the place of the
/// answer. So the rest of a short body is taken in.
impl Drop for CountedRequest {
    fn drop(&mut self) {
        let Some(mut rest) = self.inner.take().filter(|rest| self.is_coming && !rest.is_end_stream()) else {
            return;
        };
        // Without a runtime everything ends anyway.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(UNWANTED_TIME, async move {
            let mut taken = 0;
            while let Some(Ok(frame)) = rest.frame().await {
                taken += frame.data_ref().map_or(0, Bytes::len);
                if taken > UNWANTED_BYTES {
                    return;
                }
            }
        }));
    }
}

impl From<Stalled> for BrokenBody {
    fn from(_: Stalled) -> Self {
        Self::Stalled
    }
}

impl Body for CountedRequest {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let length = data.len() as u64;
            let counted = self.bytes.fetch_add(length, Ordering::Relaxed) + length;
            if let Some(limit) = self.limit.filter(|limit| counted > *limit) {
                return Poll::Ready(Some(Err(BrokenBody::TooLarge { limit })));
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BrokenBody::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
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
            remove_every_spelling(trailers, name);
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

/// A service's body, cut off if it stalls.
pub(super) type ServiceBody = Unstalled<MapErr<Incoming, fn(hyper::Error) -> BodyError>>;

/// What ends an exchange early, and what ends with it.
pub(super) struct Ends {
    pub(super) watch: Watch,
    pub(super) _upload: UploadGuard,
    pub(super) _place: Place,
}

/// A response's body that records the end of its exchange before the last of it is passed on.
pub struct RecordedResponse<B = ServiceBody> {
    inner: B,
    /// Bytes that are still to come, if the service said how many.
    remaining: Option<u64>,
    status: StatusCode,
    /// Gone once the end is recorded.
    ticket: Option<Ticket>,
    ends: Option<Ends>,
}

impl<B> RecordedResponse<B> {
    fn finish(&mut self, error: Option<&'static str>) -> Result<(), BodyError> {
        self.end(Ending { decision: Decision::Allowed, status: Some(self.status), reason: None, error })
    }

    fn revoke(&mut self, revocation: &Revocation) -> Result<(), BodyError> {
        if let Some(ticket) = &mut self.ticket {
            revocation.note_on(ticket);
        }
        let reason = Some(revocation.cause.to_string());
        let (decision, error) = (Decision::Revoked, Some(revocation.cause.code()));
        self.end(Ending { decision, status: Some(self.status), reason, error })
    }

    fn end(&mut self, ending: Ending) -> Result<(), BodyError> {
        self.ends = None;
        let Some(ticket) = self.ticket.take() else { return Ok(()) };
        ticket.finish(ending).map_err(|error| {
            tracing::error!(error = %crate::error_chain(&error), "a response is cut off, since its end can't be recorded");
            error.into()
        })
    }
}

impl<B: Body<Data = Bytes>> RecordedResponse<B> {
    /// Watches over a body; one that is empty is recorded at once.
    pub(super) fn new(
        inner: B, status: StatusCode, ticket: Ticket, ends: Option<Ends>,
    ) -> Result<Self, BodyError> {
        let remaining = inner.size_hint().exact();
        let mut body = Self { remaining, inner, status, ticket: Some(ticket), ends };
        if body.is_complete() {
            body.finish(None)?;
        }
        Ok(body)
    }

    fn is_complete(&self) -> bool {
        self.inner.is_end_stream() || self.remaining == Some(0)
    }

    fn passing(&mut self, mut frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        if let Some(trailers) = frame.trailers_mut() {
            super::headers::strip_response(trailers);
        }
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

impl<B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin> Body for RecordedResponse<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(ends) = &self.ends
            && let Poll::Ready(revocation) = ends.watch.poll_revoked(context)
        {
            let ended = self.revoke(&revocation);
            return Poll::Ready(Some(Err(ended.err().unwrap_or_else(|| revocation.cause.into()))));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => Some(self.passing(frame)),
            Some(Err(error)) => {
                // It is cut off either way; what counts is that the event says so.
                let error: BodyError = error.into();
                let stalled = error.downcast_ref::<Stalled>().is_some();
                let _ = self.finish(Some(if stalled { "upstream_stalled" } else { "upstream_aborted" }));
                Some(Err(error))
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

/// A client that takes nothing has its connection closed, and the response with it.
impl<B> Drop for RecordedResponse<B> {
    fn drop(&mut self) {
        if let Some(revocation) = self.ends.as_ref().and_then(|ends| ends.watch.revocation()) {
            // Nobody is left to be told.
            let _ = self.revoke(&revocation);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, fs};

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use http::{HeaderMap, StatusCode};
    use http_body::{Body, Frame};
    use http_body_util::{BodyExt, Empty, Full, StreamBody};
    use tempfile::TempDir;

    use super::RecordedResponse;
    use crate::audit::{Fsync, Journal, Recorder, Ticket};

    /// A response on its way, and the journal in which its end must stand.
    fn on_its_way<B: Body<Data = Bytes>>(body: B) -> (RecordedResponse<B>, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(Journal::open(directory.path(), Fsync::Group).unwrap(), "test".into());
        let mut ticket = Ticket::open(&recorder, None);
        ticket.intent().unwrap();
        (RecordedResponse::new(body, StatusCode::OK, ticket, None).unwrap(), directory)
    }

    fn is_recorded(journal: &TempDir) -> bool {
        let text = fs::read(journal.path().join("0000000001.journal")).unwrap();
        String::from_utf8_lossy(&text).contains("{\"finish\":")
    }

    #[tokio::test]
    async fn an_announced_length_is_recorded_before_its_last_byte_goes() {
        let (mut body, journal) = on_its_way(Full::new(Bytes::from_static(b"all of it")));
        assert!(!is_recorded(&journal));
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(is_recorded(&journal));
    }

    #[tokio::test]
    async fn an_open_end_is_recorded_before_it_is_passed_on() {
        let pieces =
            stream::iter(["one", "two"]).map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))));
        let (mut body, journal) = on_its_way(StreamBody::new(pieces));
        for _ in 0..2 {
            assert!(body.frame().await.unwrap().unwrap().is_data());
            assert!(!is_recorded(&journal), "nothing is held back for the record");
        }
        assert!(body.frame().await.is_none());
        assert!(is_recorded(&journal));
    }

    #[tokio::test]
    async fn trailers_are_the_end() {
        let frames = [Frame::data(Bytes::from_static(b"x")), Frame::trailers(HeaderMap::new())];
        let (mut body, journal) = on_its_way(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))));
        body.frame().await.unwrap().unwrap();
        assert!(!is_recorded(&journal));
        assert!(body.frame().await.unwrap().unwrap().is_trailers());
        assert!(is_recorded(&journal));
    }

    #[tokio::test]
    async fn an_empty_response_is_recorded_with_its_head() {
        assert!(is_recorded(&on_its_way(Empty::new()).1));
    }

    #[tokio::test]
    async fn what_is_cut_off_says_so() {
        let pieces =
            stream::iter([Ok(Frame::data(Bytes::from_static(b"x"))), Err(std::io::Error::other("gone"))]);
        let (mut body, journal) = on_its_way(StreamBody::new(pieces));
        body.frame().await.unwrap().unwrap();
        assert!(body.frame().await.unwrap().is_err());
        let text = fs::read(journal.path().join("0000000001.journal")).unwrap();
        assert!(String::from_utf8_lossy(&text).contains("upstream_aborted"));
    }
}
