//! Reading the beginning of a body, and putting it back.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::exchange::{BrokenBody, RequestBody};

/// The beginning of a body.
pub(in crate::rules) struct Beginning {
    pub(in crate::rules) bytes: Bytes,
    /// Whether this is all of it.
    pub(in crate::rules) is_whole: bool,
}

/// Reads a body up to `limit` bytes. Gives it back as it was, with what was read still in it.
pub(in crate::rules) async fn read(
    mut body: RequestBody, limit: usize,
) -> Result<(Beginning, RequestBody), BrokenBody> {
    let (mut trailers, mut bytes) = (None, BytesMut::new());
    let mut is_whole = body.is_end_stream();
    while !is_whole && bytes.len() <= limit {
        let Some(frame) = body.frame().await.transpose()? else {
            is_whole = true;
            break;
        };
        // Trailers are the end.
        is_whole = frame.is_trailers() || body.is_end_stream();
        match frame.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = Some(frame),
        }
    }
    let is_whole = is_whole && bytes.len() <= limit;
    let bytes = bytes.freeze();
    // In few pieces, however many it came in.
    let data = Some(bytes.clone()).filter(|bytes| !bytes.is_empty()).map(Frame::data);
    let frames = data.into_iter().chain(trailers).collect();
    Ok((Beginning { bytes, is_whole }, PutBack { frames, rest: body }.boxed_unsync()))
}

/// A body whose first frames were read.
struct PutBack {
    frames: VecDeque<Frame<Bytes>>,
    rest: RequestBody,
}

impl Body for PutBack {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>, context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum::<u64>();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use http::HeaderMap;
    use http_body::{Body, Frame};
    use http_body_util::{BodyExt, StreamBody};

    use super::read;
    use crate::exchange::RequestBody;

    fn body(pieces: &[&'static str], with_trailers: bool) -> RequestBody {
        let data = pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let trailers = with_trailers.then(|| Frame::trailers(HeaderMap::new()));
        let frames: Vec<_> = data.chain(trailers).map(Ok).collect();
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    #[tokio::test]
    async fn what_was_read_is_put_back() {
        for (limit, expected, is_whole) in [
            (100, "onetwothree", true),
            (11, "onetwothree", true),
            (10, "onetwothree", false),
            (2, "one", false),
        ] {
            for with_trailers in [false, true] {
                let (beginning, body) =
                    read(body(&["one", "two", "three"], with_trailers), limit).await.unwrap();
                assert_eq!(
                    (&beginning.bytes[..], beginning.is_whole),
                    (expected.as_bytes(), is_whole),
                    "{limit}"
                );
                let collected = body.collect().await.unwrap();
                assert_eq!(collected.trailers().is_some(), with_trailers);
                assert_eq!(collected.to_bytes(), "onetwothree");
            }
        }
    }

    #[tokio::test]
    async fn an_announced_length_stays_announced() {
        let whole = http_body_util::Full::new(Bytes::from_static(b"text"));
        let whole = whole.map_err(|never| match never {}).boxed_unsync();
        let (_, body) = read(whole, 100).await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
    }
}
