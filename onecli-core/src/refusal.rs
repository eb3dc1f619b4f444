//! Why a request was not served. One list for all steps; `gateway/reply.rs` turns it into answers.

use crate::{
    audit::Ticket,
    model::{RateLimit, Rule, RuleId},
};

/// A request that goes no further: why, and the ticket on which it will be recorded.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub cause: Cause,
    /// Where it will be recorded.
    pub ticket: Ticket,
}

/// Why a request was not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Cause {
    #[error("{0}")]
    BadRequest(&'static str),
    #[error("the request target is longer than {limit} bytes")]
    UriTooLong { limit: usize },
    #[error("the request has too many header fields, or they are larger than {limit} bytes")]
    HeadersTooLarge { limit: usize },
    #[error("the request's body is larger than {limit} bytes")]
    RequestTooLarge { limit: u64 },
    #[error("the request's body stalled")]
    RequestTimeout,
    #[error("this agent has as many {0} as it may have at once")]
    Busy(&'static str),
    #[error("this connection is for {expected}, the request is for another host")]
    HostMismatch { expected: String },
    #[error("no valid access token of an agent came with the request")]
    ProxyAuthRequired,
    #[error("too many wrong access tokens came from this address")]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("the rule `{name}` blocks this request")]
    BlockedByPolicy { rule: RuleId, name: String },
    #[error("the rule `{name}` allows {} requests per {}, and they are used up", limit.requests(), limit.window())]
    RateLimited { rule: RuleId, name: String, limit: RateLimit, retry_after_seconds: u64 },
    #[error("rate limits can't be counted, since the store does not answer")]
    LimitsUnavailable,
    #[error("no rule allows this request, and the default policy is deny")]
    BlockedByDefaultPolicy,
    #[error("{0}")]
    DestinationNotAllowed(String),
    #[error("several secrets fit this request equally well, or the one that was chosen does not fit")]
    AmbiguousSecret(Vec<AmbiguousSecret>),
    #[error("the host name does not resolve: {0}")]
    DnsFailed(String),
    #[error("the service can't be reached: {0}")]
    UpstreamUnreachable(String),
    #[error("the service's TLS is not trusted: {0}")]
    UpstreamTlsFailed(String),
    #[error("the service did not answer with valid HTTP: {0}")]
    BadGateway(String),
    #[error("the service did not answer in time")]
    UpstreamTimeout,
    #[error("the gateway has no policy that is up to date, since its store does not answer")]
    StoreUnavailable,
    #[error("a stored secret does not open")]
    VaultUnavailable,
    #[error("audit events can't be written")]
    AuditUnavailable,
    #[error("the secret `{0}` has expired")]
    CredentialExpired(String),
    #[error("the gateway is shutting down")]
    GatewayRestarting,
    #[error("what was running was ended: {0}")]
    Revoked(Box<Cause>),
    #[error("connections to this host are looked into now")]
    NotTunnelled,
    #[error("the agent's client did not complete the TLS handshake: {0}")]
    ClientTlsFailed(String),
}

/// One of several secrets that fit a request equally well.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AmbiguousSecret {
    /// Its id.
    pub id: crate::model::SecretId,
    /// Its name.
    pub name: String,
}

impl Cause {
    /// The request's body can't be read to its end.
    pub const BROKEN_BODY: Self = Self::BadRequest("the request's body broke off or is not valid HTTP");

    /// What a request's body that does not come to its end means for the agent.
    #[must_use]
    pub fn of_body(error: &crate::exchange::BrokenBody) -> Self {
        use crate::exchange::BrokenBody as B;
        match error {
            B::Http(_) | B::Over => Self::BROKEN_BODY,
            B::TooLarge { limit } => Self::RequestTooLarge { limit: *limit },
            B::Stalled => Self::RequestTimeout,
        }
    }

    /// A rule's refusal.
    #[must_use]
    pub fn blocked_by(rule: &Rule) -> Self {
        Self::BlockedByPolicy { rule: rule.id, name: rule.name.clone() }
    }

    /// What is behind it: of a revocation what the request would be refused with.
    #[must_use]
    pub fn origin(&self) -> &Self {
        match self {
            Self::Revoked(origin) => origin.origin(),
            other => other,
        }
    }

    /// The stable code that scripts see.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::UriTooLong { .. } => "uri_too_long",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::RequestTooLarge { .. } => "request_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::Busy(_) => "too_busy",
            Self::HostMismatch { .. } => "host_mismatch",
            Self::ProxyAuthRequired => "proxy_auth_required",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::BlockedByPolicy { .. } => "blocked_by_policy",
            Self::RateLimited { .. } => "rate_limited",
            Self::BlockedByDefaultPolicy => "blocked_by_default_policy",
            Self::DestinationNotAllowed(_) => "destination_not_allowed",
            Self::AmbiguousSecret(_) => "ambiguous_secret",
            Self::DnsFailed(_) => "dns_failed",
            Self::UpstreamUnreachable(_) => "upstream_unreachable",
            Self::UpstreamTlsFailed(_) => "upstream_tls_failed",
            Self::BadGateway(_) => "bad_gateway",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::StoreUnavailable | Self::LimitsUnavailable => "store_unavailable",
            Self::VaultUnavailable => "vault_unavailable",
            Self::AuditUnavailable => "audit_unavailable",
            Self::CredentialExpired(_) => "credential_expired",
            Self::GatewayRestarting => "gateway_restarting",
            Self::ClientTlsFailed(_) => "client_tls_failed",
            Self::NotTunnelled => "not_tunnelled",
            Self::Revoked(origin) => origin.code(),
        }
    }

    /// The status that the agent gets.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode as S;
        match self {
            Self::BadRequest(_) | Self::ClientTlsFailed(_) | Self::NotTunnelled => S::BAD_REQUEST,
            Self::UriTooLong { .. } => S::URI_TOO_LONG,
            Self::HeadersTooLarge { .. } => S::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::RequestTooLarge { .. } => S::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => S::REQUEST_TIMEOUT,
            Self::HostMismatch { .. } => S::MISDIRECTED_REQUEST,
            Self::ProxyAuthRequired => S::PROXY_AUTHENTICATION_REQUIRED,
            Self::BlockedByPolicy { .. } | Self::BlockedByDefaultPolicy | Self::DestinationNotAllowed(_) => {
                S::FORBIDDEN
            }
            Self::AmbiguousSecret(_) => S::CONFLICT,
            Self::RateLimited { .. } | Self::TooManyAttempts { .. } => S::TOO_MANY_REQUESTS,
            Self::DnsFailed(_)
            | Self::UpstreamUnreachable(_)
            | Self::UpstreamTlsFailed(_)
            | Self::BadGateway(_) => S::BAD_GATEWAY,
            Self::UpstreamTimeout => S::GATEWAY_TIMEOUT,
            Self::Revoked(origin) => origin.status(),
            Self::StoreUnavailable
            | Self::LimitsUnavailable
            | Self::VaultUnavailable
            | Self::AuditUnavailable
            | Self::CredentialExpired(_)
            | Self::Busy(_)
            | Self::GatewayRestarting => S::SERVICE_UNAVAILABLE,
        }
    }
}
