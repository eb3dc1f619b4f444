//! Forwarding to services over pooled connections.

use std::sync::Arc;

use http::{Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

use super::{
    body::{CleanTrailers, RecordedResponse},
    connector::{GuardedConnector, Timed, cause},
    headers,
};
use crate::{
    exchange::{Exchange, RequestBody},
    refusal::{Cause, Refused},
    vault::Injected,
};

/// A service's response, streamed; the end of its exchange is recorded before the last of it is passed on.
pub type Forwarded = Response<RecordedResponse>;

/// Sends exchanges to services, over verified TLS where the scheme asks for it, and follows no redirect.
pub struct Upstream {
    client: Client<Timed<HttpsConnector<GuardedConnector>>, RequestBody>,
}

impl Upstream {
    /// An upstream that dials by `connector` and trusts `roots`.
    pub(super) fn new(connector: GuardedConnector, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .http1_preserve_header_case(true)
            .build(Timed(connector));
        Ok(Self { client })
    }

    /// Forwards an exchange and gives back the response as it comes. Its intent is in the journal before anything of
    /// it leaves.
    ///
    /// # Errors
    /// If the intent can't be written, or no response head comes.
    pub async fn forward(&self, exchange: Exchange<Injected>) -> Result<Forwarded, Box<Refused>> {
        let (injected, exchange) = exchange.spend();
        let (filled, echoes, watch) = injected.into_parts();
        let Exchange { target, mut head, body, mut ticket, .. } = exchange;
        let refuse = |cause, ticket| Err(Box::new(Refused { cause, ticket }));
        if let Err(error) = ticket.intent() {
            tracing::error!(error = %crate::error_chain(&error), "a request is refused, since it can't be recorded");
            return refuse(Cause::AuditUnavailable, ticket);
        }
        let uri = Uri::builder()
            .scheme(target.scheme.clone())
            .authority(target.authority())
            .path_and_query(target.path_and_query())
            .build();
        head.uri = match uri {
            Ok(uri) => uri,
            Err(_) => return refuse(Cause::BadRequest("the URL can't be sent on"), ticket),
        };
        // The client turns it into the version that the connection speaks.
        head.version = Version::HTTP_11;
        headers::strip_own(&mut head.headers);
        let body = CleanTrailers::new(body, filled).boxed_unsync();
        let sending = self.client.request(http::Request::from_parts(head, body));
        let response = tokio::select! {
            sent = sending => match sent {
                Ok(response) => response,
                Err(error) => return refuse(cause(&error), ticket),
            },
            revoked = watch.revoked() => {
                revoked.note_on(&mut ticket);
                return refuse(Cause::Revoked(Box::new(revoked.cause)), ticket);
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return refuse(Cause::BadGateway("it switched protocols without being asked".into()), ticket);
        }
        let (mut head, body) = response.into_parts();
        head.version = Version::HTTP_11;
        headers::strip_response(&mut head.headers);
        for echo in &echoes {
            if echo.remove_from(&mut head.headers) {
                ticket.note_reason("the secret stood in a header of the response, and was replaced by what the agent had sent");
            }
        }
        ticket.note_response(head.status);
        match RecordedResponse::new(body, head.status, ticket, Some(watch)) {
            Ok(body) => Ok(Response::from_parts(head, body)),
            // Its end could not be recorded, and the ticket with it: nothing is passed on.
            Err(_) => refuse(Cause::AuditUnavailable, crate::audit::Ticket::closed()),
        }
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

/// The roots of the platform, or the ones that are built in where it has none, and `more`.
pub(super) fn roots(more: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in more {
        roots.add(certificate.clone())?;
    }
    Ok(roots)
}
