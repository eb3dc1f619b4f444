//! A request's way, from top to bottom.

use http::{Request, Response};
use hyper::body::Incoming;

use super::{
    Shared,
    connection::Connection,
    receive::receive,
    reply::{self, ReplyBody},
    upstream::Forwarded,
};
use crate::{audit::Ticket, refusal::Refused, rules::Decision};

/// Serves one request, however it came: its record is opened first and finished in every case.
pub(super) async fn serve(
    shared: &Shared, connection: &Connection, request: Request<Incoming>,
) -> Response<ReplyBody> {
    let ticket = Ticket::open(&shared.recorder, Some(connection.source()));
    match exchange(shared, connection, request, ticket).await {
        Ok(response) => response,
        Err(refused) => reply::refuse(*refused),
    }
}

async fn exchange(
    shared: &Shared, connection: &Connection, request: Request<Incoming>, ticket: Ticket,
) -> Result<Forwarded, Box<Refused>> {
    let received = receive(shared, connection, request, ticket)?;
    shared.activity.note_agent(&received);
    let permitted = match shared.rules.decide(received).await {
        Decision::Deny(refused) => return Err(refused),
        Decision::Allow(permitted) => *permitted,
    };
    let injected = shared.vault.inject(permitted)?;
    shared.activity.note_secrets(&injected);
    shared.upstream.forward(injected).await
}
