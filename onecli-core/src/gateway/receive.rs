//! From a request off the wire to an exchange: who sends it, and where it is to go without ambiguity.

use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{HOST, TRANSFER_ENCODING},
    request,
    uri::{Authority, Scheme},
};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;

use super::{
    Limits, Shared,
    authenticate::authenticate,
    body::CountedRequest,
    connection::{Connection, Tunnel},
    headers,
    stall::Unstalled,
    websocket,
};
use crate::{
    audit::Ticket,
    exchange::{Exchange, Received, RequestBody},
    model::Host,
    refusal::{Cause, Refused},
    target::Target,
};

/// No method is longer: the longest that is registered has 17 letters.
const LONGEST_METHOD: usize = 32;

/// Makes an exchange of a request, or says why it can't be one.
pub(super) fn receive(
    shared: &Shared, connection: &Connection, mut request: Request<Incoming>, mut ticket: Ticket,
) -> Result<Exchange<Received>, Box<Refused>> {
    let switch = websocket::asked(connection, &mut request);
    let (mut head, body) = request.into_parts();
    let tunnel = connection.tunnel.as_ref();
    let agent = match authenticate(shared, connection, &head.headers) {
        Ok(agent) => agent,
        Err(cause) => return Err(Box::new(Refused { cause, ticket })),
    };
    ticket.note_agent(&agent);
    ticket.note_method(&head.method);
    let checked = check_size(&head, &body, &shared.limits).and_then(|()| check_fields(&head));
    let target = match checked.and_then(|()| target(tunnel, &head)) {
        Ok(target) => target,
        Err(cause) => return Err(Box::new(Refused { cause, ticket })),
    };
    ticket.note_target(&target);
    headers::strip_request(&mut head.headers);
    if switch.is_some() {
        websocket::ask(&mut head.headers);
    }
    let body = match body.is_end_stream() {
        true => RequestBody::new(Empty::new().map_err(|never| match never {})),
        false => {
            let counted =
                CountedRequest::new(body, ticket.request_bytes(), shared.limits.body_bytes, &head.headers);
            Unstalled::new(counted, shared.limits.stall).boxed_unsync()
        }
    };
    Ok(Exchange::receive(agent, target, head, body, ticket, connection.closer.clone(), switch))
}

fn check_size(head: &request::Parts, body: &Incoming, limits: &Limits) -> Result<(), Cause> {
    if head.method.as_str().len() > LONGEST_METHOD {
        return Err(Cause::BadRequest("the method has more than 32 letters"));
    }
    let path = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if path > limits.uri_bytes {
        return Err(Cause::UriTooLong { limit: limits.uri_bytes });
    }
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if fields > limits.header_bytes || head.headers.len() > limits.header_count {
        return Err(Cause::HeadersTooLarge { limit: limits.header_bytes });
    }
    match limits.body_bytes {
        Some(limit) if body.size_hint().lower() > limit => Err(Cause::RequestTooLarge { limit }),
        _ => Ok(()),
    }
}

/// What would become something else when it is written anew.
fn check_fields(head: &request::Parts) -> Result<(), Cause> {
    // Over HTTP/1.1 such space is no part of the value (RFC 9113 8.2.1).
    let is_padded = |value: &HeaderValue| {
        let ends = [value.as_bytes().first(), value.as_bytes().last()];
        ends.iter().any(|end| matches!(end, Some(b' ' | b'\t')))
    };
    if head.headers.values().any(is_padded) {
        return Err(Cause::BadRequest("a header's value begins or ends with space"));
    }
    // Codings besides `chunked` would be lost, since the body is framed anew (RFC 9112 6.1).
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).into_iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Cause::BadRequest("the only transfer coding of a request is chunked, once")),
    }
}

/// Where the request is to go: request target, `Host` or `:authority`, and the tunnel must say the same.
pub(super) fn target(tunnel: Option<&Tunnel>, head: &request::Parts) -> Result<Target, Cause> {
    if head.method == Method::TRACE {
        return Err(Cause::BadRequest("TRACE is refused: its answer would show the injected credential"));
    }
    let scheme = match tunnel {
        Some(tunnel) => tunnel.scheme.clone(),
        None => proxied_scheme(head)?,
    };
    let default_port = Target::default_port(&scheme);
    let named = match head.uri.authority() {
        Some(authority) => Some(Place::of(authority, default_port)?),
        None => None,
    };
    let host_field = host_field(&head.headers)?.map(|text| Place::parse(text, default_port)).transpose()?;
    let place = match (named, host_field) {
        (Some(named), Some(field)) if named != field && tunnel.is_none_or(|tunnel| named.is(tunnel)) => {
            return Err(Cause::BadRequest("the Host header and the request target name different hosts"));
        }
        (Some(named), _) => named,
        (None, Some(field)) => field,
        (None, None) => return Err(Cause::BadRequest("the request has no Host header")),
    };
    if let Some(tunnel) = tunnel
        && (tunnel.other_sni || !place.is(tunnel) || head.uri.scheme().is_some_and(|named| *named != scheme))
    {
        return Err(Cause::HostMismatch { expected: format!("{}:{}", tunnel.host.uri_form(), tunnel.port) });
    }
    if head.method == Method::CONNECT {
        return Err(Cause::BadRequest("a CONNECT can't be sent through a tunnel"));
    }
    let path = head.uri.path();
    if !path.starts_with('/') {
        return Err(Cause::BadRequest("the path does not begin with /"));
    }
    Ok(Target {
        scheme,
        host: place.host,
        port: place.port,
        path: path.into(),
        query: head.uri.query().map(Into::into),
    })
}

fn proxied_scheme(head: &request::Parts) -> Result<Scheme, Cause> {
    match head.uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => Ok(scheme.clone()),
        _ => Err(Cause::BadRequest("only http and https URLs can be requested")),
    }
}

/// The only `Host` header.
pub(super) fn host_field(headers: &HeaderMap) -> Result<Option<&str>, Cause> {
    let mut fields = headers.get_all(HOST).into_iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(field), None) => {
            field.to_str().map(Some).map_err(|_| Cause::BadRequest("the Host header is not a host"))
        }
        (Some(_), Some(_)) => Err(Cause::BadRequest("the request has several Host headers")),
    }
}

/// A host and a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Place {
    /// Reads `host[:port]`.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, Cause> {
        let authority: Authority =
            text.parse().map_err(|_| Cause::BadRequest("the Host header is not a host"))?;
        Self::of(&authority, default_port)
    }

    fn of(authority: &Authority, default_port: u16) -> Result<Self, Cause> {
        if authority.as_str().contains('@') {
            return Err(Cause::BadRequest("user information can't stand in a request target"));
        }
        let host = Host::parse(authority.host())
            .map_err(|_| Cause::BadRequest("the host is not a valid name or address"))?;
        let port = match (authority.port_u16(), authority.as_str().rsplit_once(':')) {
            (Some(0), _) => return Err(Cause::BadRequest("the port is not a number from 1 to 65535")),
            (Some(port), _) => port,
            // A colon that is not inside an address asks for a port.
            (None, Some((_, rest))) if !rest.contains(']') => {
                return Err(Cause::BadRequest("the port is not a number from 1 to 65535"));
            }
            (None, _) => default_port,
        };
        Ok(Self { host, port })
    }

    fn is(&self, tunnel: &Tunnel) -> bool {
        self.host == tunnel.host && self.port == tunnel.port
    }
}
