//! WebSocket: a request after which both sides speak frames, which are passed on as they are.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::{body::Incoming, ext::Protocol, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::{io::InspectReader, sync::CancellationToken};

use super::{connection::Connection, headers};
use crate::{
    audit::{Ending, Ticket},
    exchange::Switch,
    model::Decision,
    rules::Watch,
};

/// How long one side may go on when the other one has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// What an HTTP/1.1 client proves its handshake with, and is proved it by (RFC 6455 4.1).
const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const ACCEPT: HeaderName = header::SEC_WEBSOCKET_ACCEPT;

/// The client's side of a request to speak WebSocket: over HTTP/1.1 (RFC 6455), or over HTTP/2 (RFC 8441), which is turned into what
/// HTTP/1.1 says. None if it asks for anything else.
pub(super) fn asked(connection: &Connection, request: &mut Request<Incoming>) -> Option<Switch> {
    let is_http2 = match request.version() {
        Version::HTTP_2 => {
            let protocol = request.extensions_mut().remove::<Protocol>()?;
            (*request.method() == Method::CONNECT && protocol.as_str() == "websocket").then_some(true)?
        }
        _ => (*request.method() == Method::GET && is_asked_for(request.headers())).then_some(false)?,
    };
    let client = hyper::upgrade::on(&mut *request);
    if is_http2 {
        *request.method_mut() = Method::GET;
        // The service proves to us that it speaks WebSocket; the client has its proof in HTTP/2.
        request.headers_mut().insert(KEY, random_key()?);
    }
    // The connection counts as one for as long as it is spoken on.
    Some(Switch { client, is_http2, keeps: Box::new(connection.clone()) })
}

/// Sixteen random bytes, in base64.
fn random_key() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    HeaderValue::try_from(BASE64.encode(&bytes)).ok()
}

fn is_asked_for(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(header::UPGRADE).into_iter();
    let is_websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    protocols.next().is_some_and(is_websocket) && protocols.next().is_none() && headers::is_upgrade(headers)
}

/// Asks for it again, where what belongs to a connection was taken away.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, WEBSOCKET);
}

/// Both sides of a connection on which frames are spoken from here on.
pub(super) struct Switched {
    client: Switch,
    service: OnUpgrade,
    watch: Watch,
}

/// What became of the question.
pub(super) enum Answer {
    /// The head for the client, and both sides.
    Switched(http::response::Parts, Switched),
    /// An ordinary answer, such as a refusal.
    Ordinary(Response<Incoming>, Watch),
    /// Something that must not be passed on; why.
    Nonsense(&'static str),
}

/// Looks at a service's answer to a request that asked to speak WebSocket.
pub(super) fn answered(switch: Switch, mut response: Response<Incoming>, watch: Watch) -> Answer {
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS if !is_asked_for(response.headers()) => {
            return Answer::Nonsense("it switched to a protocol that it was not asked for");
        }
        StatusCode::SWITCHING_PROTOCOLS => {}
        // Over HTTP/2 a success means that frames follow.
        status if switch.is_http2 && status.is_success() => {
            return Answer::Nonsense("it does not speak WebSocket there");
        }
        _ => return Answer::Ordinary(response, watch),
    }
    let service = hyper::upgrade::on(&mut response);
    let (mut head, _) = response.into_parts();
    headers::strip_response(&mut head.headers);
    if switch.is_http2 {
        head.status = StatusCode::OK;
        head.headers.remove(ACCEPT);
    } else {
        ask(&mut head.headers);
    }
    Answer::Switched(head, Switched { client: switch, service, watch })
}

impl Switched {
    /// Passes frames on until one side ends, the permit is revoked, or the gateway stops.
    pub(super) async fn run(self, mut ticket: Ticket, abort: CancellationToken) {
        let Self { client, service, watch } = self;
        let received = Arc::new(AtomicU64::new(0));
        let passing = pass(client, service, ticket.request_bytes(), Arc::clone(&received));
        let ended = tokio::select! {
            passed = passing => Some(passed),
            revocation = watch.revoked() => {
                revocation.note_on(&mut ticket);
                ticket.set_response_bytes(received.load(Ordering::Relaxed));
                let (reason, error) = (Some(revocation.cause.to_string()), Some(revocation.cause.code()));
                finish(ticket, Ending { decision: Decision::Revoked, status: None, reason, error });
                return;
            }
            () = abort.cancelled() => None,
        };
        ticket.set_response_bytes(received.load(Ordering::Relaxed));
        // Dropped, the ticket says that it was interrupted.
        if let Some(passed) = ended {
            let error = passed.err().filter(|error| error.kind() != io::ErrorKind::UnexpectedEof);
            let error = error.map(|_| "connection_lost");
            finish(ticket, Ending { decision: Decision::Allowed, status: None, reason: None, error });
        }
    }
}

fn finish(ticket: Ticket, ending: Ending) {
    if let Err(error) = ticket.finish(ending) {
        tracing::error!(error = %crate::error_chain(&error), "an audit event could not be written");
    }
}

async fn pass(
    client: Switch, service: OnUpgrade, sent: Arc<AtomicU64>, received: Arc<AtomicU64>,
) -> io::Result<()> {
    let Switch { client, keeps, .. } = client;
    let (client, service) = tokio::try_join!(client, service).map_err(io::Error::other)?;
    let count = |counter: Arc<AtomicU64>| {
        move |bytes: &[u8]| {
            counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    };
    let (from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (from_service, mut to_service) = tokio::io::split(TokioIo::new(service));
    let (mut from_client, mut from_service) =
        (InspectReader::new(from_client, count(sent)), InspectReader::new(from_service, count(received)));
    let up = copy_to_end(&mut from_client, &mut to_service);
    let down = copy_to_end(&mut from_service, &mut to_client);
    tokio::pin!(up, down);
    // There is no half of a WebSocket: when one side has ended, the other one has a moment to.
    let passed = tokio::select! {
        passed = &mut up => passed.and(in_time(down).await),
        passed = &mut down => passed.and(in_time(up).await),
    };
    drop(keeps);
    passed
}

async fn copy_to_end(
    from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    tokio::io::copy(from, to).await?;
    to.shutdown().await
}

async fn in_time(copying: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::time::timeout(LAST_WORDS, copying).await.unwrap_or(Ok(()))
}
