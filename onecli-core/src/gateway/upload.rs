//! The body of a request on its way to the service: it ends at the latest when its exchange does.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use crate::{exchange::BrokenBody, refusal::Cause};

/// A request's body that breaks off when its exchange is over: what comes then would be neither watched nor recorded.
pub(super) struct Upload<B> {
    inner: B,
    link: Arc<Link>,
}

/// Held for as long as the exchange lasts. Nothing, if there is no body.
pub(super) struct UploadGuard(Option<Arc<Link>>);

#[derive(Default)]
struct Link {
    is_over: AtomicBool,
    waker: AtomicWaker,
    is_sent: Notify,
    /// Why it did not come to its end. HTTP/2 tells only that the stream was reset.
    failure: OnceLock<Cause>,
}

impl<B: Body> Upload<B> {
    pub(super) fn new(inner: B) -> (Self, UploadGuard) {
        let link = Arc::<Link>::default();
        if inner.is_end_stream() {
            link.is_sent.notify_one();
        }
        (Self { inner, link: Arc::clone(&link) }, UploadGuard(Some(link)))
    }
}

impl UploadGuard {
    /// Of a request without a body.
    pub(super) fn of_nothing() -> Self {
        Self(None)
    }

    /// What a body that did not come to its end means for the agent.
    pub(super) fn failure(&self) -> Option<Cause> {
        self.0.as_ref()?.failure.get().cloned()
    }

    /// Waits until all of the body is sent, or nobody sends it any more. Once.
    pub(super) async fn sent(&self) {
        if let Some(link) = &self.0 {
            link.is_sent.notified().await;
        }
    }
}

impl Drop for UploadGuard {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.is_over.store(true, Ordering::Release);
            link.waker.wake();
        }
    }
}

impl<B> Drop for Upload<B> {
    fn drop(&mut self) {
        self.link.is_sent.notify_one();
    }
}

impl<B: Body<Data = Bytes, Error = BrokenBody> + Unpin> Body for Upload<B> {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        self.link.waker.register(context.waker());
        if self.link.is_over.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(BrokenBody::Over)));
        }
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Err(error))) = &frame {
            // Only the first one counts.
            let _ = self.link.failure.set(Cause::of_body(error));
        }
        if matches!(frame, Poll::Ready(None)) || self.inner.is_end_stream() {
            self.link.is_sent.notify_one();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt, stream};
    use http_body::Frame;
    use http_body_util::{BodyExt, Empty, StreamBody};

    use super::Upload;
    use crate::exchange::BrokenBody;

    #[tokio::test]
    async fn ends_with_its_exchange() {
        let frames = stream::repeat_with(|| Ok::<_, BrokenBody>(Frame::data(Bytes::from_static(b"x"))));
        let (mut upload, guard) = Upload::new(StreamBody::new(frames));
        assert!(upload.frame().await.unwrap().is_ok());
        assert!(guard.sent().now_or_never().is_none());
        drop(guard);
        assert!(matches!(upload.frame().await, Some(Err(BrokenBody::Over))));
    }

    #[tokio::test]
    async fn tells_when_all_is_sent() {
        let frames = stream::iter([Ok::<_, BrokenBody>(Frame::data(Bytes::from_static(b"x")))]);
        let (mut upload, guard) = Upload::new(StreamBody::new(frames));
        while upload.frame().await.is_some() {}
        guard.sent().await;
        let (_upload, guard) = Upload::new(Empty::<Bytes>::new().map_err(|never| match never {}));
        guard.sent().await;
    }
}
