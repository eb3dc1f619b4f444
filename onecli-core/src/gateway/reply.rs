//! The gateway's own replies: one place maps causes to answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{Either, Full};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::body::RecordedResponse;
use crate::{
    audit::Ending,
    model::{AuditEvent, Decision},
    refusal::{Cause, Refused},
};

/// The body of a reply: the gateway's own, or a service's.
pub type ReplyBody = Either<Full<Bytes>, RecordedResponse>;

/// Records a refusal and answers with its reason.
pub(super) fn refuse(refused: Refused) -> Response<ReplyBody> {
    let Refused { cause, ticket } = refused;
    tracing::debug!(code = cause.code(), reason = %cause, "refused");
    let ending = Ending {
        decision: decision(&cause),
        status: Some(cause.status()),
        reason: Some(cause.to_string()),
        error: Some(cause.code()),
    };
    let reply = reply(&cause, ticket.event());
    match ticket.finish(ending) {
        Ok(()) => reply,
        Err(error) => {
            tracing::error!(error = %crate::error_chain(&error), "an audit event could not be written");
            reply
        }
    }
}

fn decision(cause: &Cause) -> Decision {
    match cause {
        Cause::Revoked(_) => Decision::Revoked,
        Cause::BlockedByPolicy { .. } | Cause::BlockedByDefaultPolicy => Decision::Blocked,
        Cause::RateLimited { .. } => Decision::RateLimited,
        Cause::ClientTlsFailed(_) => Decision::Failed,
        _ if cause.status().is_server_error() => Decision::Failed,
        _ => Decision::Refused,
    }
}

/// What an agent reads, the most important first.
#[derive(Serialize)]
struct Body {
    error: &'static str,
    message: String,
    help: &'static str,
    #[serde(flatten)]
    details: Map<String, Value>,
}

fn reply(cause: &Cause, event: Option<&AuditEvent>) -> Response<ReplyBody> {
    let body = Body {
        error: cause.code(),
        message: cause.to_string(),
        help: help(cause.origin()),
        details: details(cause.origin(), event),
    };
    // Strings and maps of strings always serialise.
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = own(cause.status(), text.into(), "application/json");
    let headers = response.headers_mut();
    headers.insert("x-onecli-error", HeaderValue::from_static(cause.code()));
    if !may_help_to_retry(cause) {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    if let Cause::RateLimited { retry_after_seconds, .. } | Cause::TooManyAttempts { retry_after_seconds } =
        cause
    {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
    }
    if let Cause::TooManyAttempts { .. } = cause {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if *cause.origin() == Cause::ProxyAuthRequired {
        headers
            .insert(header::PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"OneCLI Gateway\""));
    }
    response
}

/// A reply of the gateway itself.
pub(super) fn own(status: StatusCode, body: Bytes, content_type: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What the agent or a person can do next.
fn help(cause: &Cause) -> &'static str {
    match cause {
        Cause::Revoked(origin) => help(origin),
        Cause::BadRequest(_) => "Mend the request and send it again.",
        Cause::UriTooLong { .. } | Cause::HeadersTooLarge { .. } => "Send a smaller request.",
        Cause::HostMismatch { .. } => "Open a connection of its own for that host.",
        Cause::ProxyAuthRequired => {
            "Send the agent's access token in Proxy-Authorization; `onecli run -- COMMAND` does that. A token may have been \
             regenerated, or its agent disabled."
        }
        Cause::TooManyAttempts { .. } => {
            "Wait a minute, then send the agent's access token in Proxy-Authorization; `onecli run -- COMMAND` does that."
        }
        Cause::BlockedByPolicy { .. } => {
            "Don't retry. A person can change the rule: `onecli rules list`, `onecli rules disable NAME`."
        }
        Cause::BlockedByDefaultPolicy => {
            "Don't retry. A person can add a rule that allows it: `onecli rules create NAME --action allow --host HOST`."
        }
        Cause::DestinationNotAllowed(_) => {
            "Private and loopback destinations are closed unless a person opens them: \
             `onecli config set allowPrivate HOST-OR-NETWORK`. Cloud metadata and OneCLI itself are never open."
        }
        Cause::AmbiguousSecret(_) => "Name one of the secrets in the request header x-onecli-secret.",
        Cause::DnsFailed(_) => {
            "Check the spelling of the host, and the name server of the machine that runs OneCLI."
        }
        Cause::UpstreamUnreachable(_) | Cause::UpstreamTimeout => {
            "Try again later, or check that the service is up."
        }
        Cause::UpstreamTlsFailed(_) => {
            "The service's certificate must be valid for its host. A private authority can be added with \
             ONECLI_UPSTREAM_CA_FILE."
        }
        Cause::BadGateway(_) => "The service broke off or did not answer with HTTP. Try again later.",
        Cause::RateLimited { .. } => "Wait as long as Retry-After says, then try again.",
        Cause::StoreUnavailable | Cause::LimitsUnavailable => {
            "Try again later. A person can look at the daemon's log."
        }
        Cause::VaultUnavailable => {
            "A person must set the secret again: its stored row was edited or damaged."
        }
        Cause::AuditUnavailable => "A person must free disk space in OneCLI's data directory.",
        Cause::CredentialExpired(_) => {
            "A person must set a new value or expiry: `onecli secrets update NAME`."
        }
        Cause::RequestTooLarge { .. } => {
            "Send less at once, or have a person raise the limit: ONECLI_MAX_BODY_BYTES."
        }
        Cause::RequestTimeout => "Send the body without long pauses.",
        Cause::Busy(_) => "Wait until some of them have ended, then try again.",
        Cause::NotTunnelled => "Connect again.",
        Cause::GatewayRestarting => "Try again in a few seconds.",
        Cause::ClientTlsFailed(_) => {
            "The client must trust the gateway's root certificate; `onecli run -- COMMAND` sets that up."
        }
    }
}

fn may_help_to_retry(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::DnsFailed(_)
            | Cause::UpstreamUnreachable(_)
            | Cause::UpstreamTimeout
            | Cause::BadGateway(_)
            | Cause::RateLimited { .. }
            | Cause::TooManyAttempts { .. }
            | Cause::StoreUnavailable
            | Cause::LimitsUnavailable
            | Cause::AuditUnavailable
            | Cause::Busy(_)
            | Cause::RequestTimeout
            | Cause::GatewayRestarting
    )
}

/// The fields beside code, message and help.
fn details(cause: &Cause, event: Option<&AuditEvent>) -> Map<String, Value> {
    let host = event.and_then(|event| event.host.clone());
    let value = match cause {
        Cause::BlockedByPolicy { name, .. } => {
            json!({"rule": name, "method": event.map(|e| &e.method), "host": host, "path": event.map(|e| &e.path)})
        }
        Cause::RateLimited { name, limit, retry_after_seconds, .. } => json!({
            "rule": name, "limit": limit.requests(), "window": limit.window().to_string(), "retryAfter": retry_after_seconds,
        }),
        Cause::BlockedByDefaultPolicy => {
            json!({"method": event.map(|e| &e.method), "host": host, "path": event.map(|e| &e.path)})
        }
        Cause::AmbiguousSecret(secrets) => json!({"secrets": secrets, "header": "x-onecli-secret"}),
        Cause::DestinationNotAllowed(_)
        | Cause::DnsFailed(_)
        | Cause::UpstreamUnreachable(_)
        | Cause::UpstreamTlsFailed(_)
        | Cause::UpstreamTimeout
        | Cause::BadGateway(_) => json!({"host": host}),
        _ => Value::Null,
    };
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
