//! Forwarding to services over pooled connections.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use moka::sync::Cache;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Limits,
    body::{BodyError, CleanTrailers, Ends, RecordedResponse},
    connector::{GuardedConnector, Timed, cause},
    headers,
    lanes::Lanes,
    reply::ReplyBody,
    resend::{Again, HasAnswered},
    stall::Unstalled,
    upload::{Upload, UploadGuard},
    websocket,
};
use crate::{
    audit::Ticket,
    exchange::Exchange,
    model::AgentId,
    policy::PolicyAgent,
    refusal::{Cause, Refused},
    vault::{Echo, Injected},
};

/// A service's response, streamed; the end of its exchange is recorded before the last of it is passed on.
pub type Forwarded = Response<ReplyBody>;

/// Sends exchanges to services, over verified TLS where the scheme asks for it, and follows no redirect.
pub struct Upstream {
    connector: Connector,
    /// For requests that change the protocol, which HTTP/2 can't.
    http1_connector: Connector,
    /// One for each agent with its children: none waits behind another one's responses, nor gets a connection on which another
    /// one signed in (NTLM does so).
    clients: Cache<(AgentId, Speaks), Arc<Lanes<Connector>>>,
    limits: Limits,
    tasks: TaskTracker,
    abort: CancellationToken,
}

type Connector = Timed<HttpsConnector<GuardedConnector>>;

/// What a connection to a service may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Speaks {
    Any,
    Http1,
}

/// Agents whose connections are kept at once, and for how long after their last request.
const CLIENTS: u64 = 4_096;
const KEPT: Duration = Duration::from_secs(300);

impl Upstream {
    /// An upstream that dials by `connector` and trusts what `tls` does.
    pub(super) fn new(
        connector: GuardedConnector, tls: &ClientConfig, limits: Limits, tasks: TaskTracker,
        abort: CancellationToken,
    ) -> Self {
        let builder =
            || hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        let http1_connector = builder().enable_http1().wrap_connector(connector.clone());
        let connector = builder().enable_all_versions().wrap_connector(connector);
        let clients = Cache::builder().max_capacity(CLIENTS).time_to_idle(KEPT).build();
        let timed = |connector| Timed(connector, limits.connect);
        let (connector, http1_connector) = (timed(connector), timed(http1_connector));
        Self { connector, http1_connector, clients, limits, tasks, abort }
    }

    fn lanes(&self, agent: &PolicyAgent, speaks: Speaks) -> Arc<Lanes<Connector>> {
        let owner = agent.agent.parent_id.unwrap_or(agent.agent.id);
        let connector = match speaks {
            Speaks::Any => &self.connector,
            Speaks::Http1 => &self.http1_connector,
        };
        self.clients.get_with((owner, speaks), || {
            let connector = connector.clone();
            Lanes::new(move || {
                Client::builder(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .pool_timer(TokioTimer::new())
                    .pool_idle_timeout(Duration::from_secs(60))
                    .http1_preserve_header_case(true)
                    .build(connector.clone())
            })
        })
    }

    /// Forwards an exchange and gives back the response as it comes. Its intent is in the journal before anything of
    /// it leaves.
    ///
    /// # Errors
    /// If the intent can't be written, or no response head comes.
    pub async fn forward(&self, exchange: Exchange<Injected>) -> Result<Forwarded, Box<Refused>> {
        let (injected, exchange) = exchange.spend();
        let (filled, echoes, watch) = injected.into_parts();
        let Exchange { agent, target, mut head, body, mut ticket, switch, .. } = exchange;
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
        let (body, upload) = match body.is_end_stream() {
            true => (body, UploadGuard::of_nothing()),
            false => {
                let (body, guard) = Upload::new(CleanTrailers::new(body, filled));
                (body.boxed_unsync(), guard)
            }
        };
        let speaks = if switch.is_some() { Speaks::Http1 } else { Speaks::Any };
        let (client, place) = self.lanes(&agent, speaks).enter(&target);
        let mut again = Again::of(&head, &body);
        let mut sending = client.request(Request::from_parts(head, body));
        let mut response = {
            let late = async {
                upload.sent().await;
                tokio::time::sleep(self.limits.first_byte).await;
            };
            tokio::pin!(late);
            loop {
                let error = tokio::select! {
                    sent = &mut sending => match sent {
                        Ok(response) => break response,
                        Err(error) => error,
                    },
                    () = &mut late => return refuse(Cause::UpstreamTimeout, ticket),
                    revoked = watch.revoked() => {
                        revoked.note_on(&mut ticket);
                        return refuse(Cause::Revoked(Box::new(revoked.cause)), ticket);
                    }
                };
                match again.after(&error) {
                    Some(request) => {
                        ticket.note_reason("sent again: the service had closed the connection that was kept");
                        sending = client.request(request);
                    }
                    None => return refuse(upload.failure().unwrap_or_else(|| cause(&error)), ticket),
                }
            }
        };
        HasAnswered::note(&mut response);
        let (response, watch) = match switch {
            None if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                return refuse(Cause::BadGateway("it switched protocols without being asked".into()), ticket);
            }
            None => (response, watch),
            Some(switch) => match websocket::answered(switch, response, watch) {
                websocket::Answer::Ordinary(response, watch) => (response, watch),
                websocket::Answer::Nonsense(why) => return refuse(Cause::BadGateway(why.into()), ticket),
                websocket::Answer::Switched(mut head, switched) => {
                    take_out(&echoes, &mut head.headers, &mut ticket);
                    ticket.note_response(head.status);
                    self.tasks.spawn(switched.run(ticket, self.abort.clone()));
                    return Ok(Response::from_parts(head, Either::Left(Full::default())));
                }
            },
        };
        let (mut head, body) = response.into_parts();
        head.version = Version::HTTP_11;
        headers::strip_response(&mut head.headers);
        take_out(&echoes, &mut head.headers, &mut ticket);
        ticket.note_response(head.status);
        let body = Unstalled::new(body.map_err(BodyError::from as fn(_) -> _), self.limits.stall);
        match RecordedResponse::new(
            body,
            head.status,
            ticket,
            Some(Ends { watch, _upload: upload, _place: place }),
        ) {
            Ok(body) => Ok(Response::from_parts(head, Either::Right(body))),
            // Its end could not be recorded, and the ticket with it: nothing is passed on.
            Err(_) => refuse(Cause::AuditUnavailable, Ticket::closed()),
        }
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

/// Takes secrets that stood in the URL out of what the service sends back.
fn take_out(echoes: &[Echo], headers: &mut HeaderMap, ticket: &mut Ticket) {
    for echo in echoes {
        if echo.remove_from(headers) {
            ticket.note_reason(
                "the secret stood in a header of the response, and was replaced by what the agent had sent",
            );
        }
    }
}

/// TLS to services, whose certificates must be signed by the platform's roots or by one of `more`.
pub(super) fn tls(more: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(more)?)
        .with_no_client_auth())
}

/// The roots of the platform, or the ones that are built in where it has none, and `more`.
fn roots(more: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
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
