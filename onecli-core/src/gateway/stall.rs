//! Bodies that may last, but not stall.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// A body of which the next frame comes in time, or an error does.
pub struct Unstalled<B> {
    inner: B,
    patience: Duration,
    /// Made when something is waited for the first time: most bodies are there at once.
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

/// Nothing came for too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nothing came for too long")]
pub(crate) struct Stalled;

impl<B> Unstalled<B> {
    pub(super) fn new(inner: B, patience: Duration) -> Self {
        Self { inner, patience, timer: None, is_waiting: false }
    }
}

impl<B> Body for Unstalled<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: From<Stalled>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            self.is_waiting = false;
            return Poll::Ready(frame);
        }
        // The time counts from when it was asked for: who reads slowly does not stall.
        let until = (!self.is_waiting).then(|| Instant::now() + self.patience);
        self.is_waiting = true;
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if let Some(until) = until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(context).map(|()| Some(Err(Stalled.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
