//! Sending a request once more, which a service has closed a kept connection on.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Extensions, Method, Request, Response, header::UPGRADE, request};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy;

use super::connector::find;
use crate::{exchange::RequestBody, model::in_every_spelling, rules::METHOD_OVERRIDES};

/// So often at most: each time another kept connection may have been closed meanwhile.
const TIMES: usize = 3;

/// Stands with a connection: whether it has answered a request already.
#[derive(Clone, Debug, Default)]
pub(super) struct HasAnswered(Arc<AtomicBool>);

impl HasAnswered {
    /// Notes on its connection that a response came.
    pub(super) fn note<B>(response: &mut Response<B>) {
        if let Some(Self(answered)) = response.extensions_mut().remove::<Self>() {
            answered.store(true, Ordering::Relaxed);
        }
    }
}

/// A copy of a request that may be sent again, since doing it twice is doing it once (RFC 9110 9.2.2): it is idempotent, and has no
/// body that could be gone.
pub(super) struct Again {
    head: Option<request::Parts>,
    left: usize,
}

impl Again {
    pub(super) fn of(head: &request::Parts, body: &RequestBody) -> Self {
        let is_idempotent = matches!(
            head.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        );
        // It may be meant as another method, or to change the protocol.
        let is_plain = !head.headers.contains_key(UPGRADE)
            && METHOD_OVERRIDES.iter().all(|name| in_every_spelling(&head.headers, name).next().is_none());
        let may_be_sent_again = is_idempotent && is_plain && body.is_end_stream();
        Self { head: may_be_sent_again.then(|| head.clone()), left: TIMES }
    }

    /// The request once more, if it failed since the service had closed a connection that was kept.
    pub(super) fn after(&mut self, error: &legacy::Error) -> Option<Request<RequestBody>> {
        self.left = self.left.checked_sub(1)?;
        if !is_stale(error) {
            return None;
        }
        let body = RequestBody::new(Empty::new().map_err(|never| match never {}));
        Some(Request::from_parts(self.head.clone()?, body))
    }
}

fn is_stale(error: &legacy::Error) -> bool {
    let mut extensions = Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    let was_kept = extensions.get::<HasAnswered>().is_some_and(|HasAnswered(it)| it.load(Ordering::Relaxed));
    let was_closed = find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
        || find::<io::Error>(error).is_some_and(|error| {
            use io::ErrorKind as K;
            matches!(
                error.kind(),
                K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof
            )
        });
    was_kept && was_closed
}
