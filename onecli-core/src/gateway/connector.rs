//! Connections to services.

use std::{
    error::Error,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Limits, link::Link, proxied, socket, tls_failure};
use crate::{
    destination::{DestinationGuard, GuardError, Route, UpstreamProxy},
    exchange::BrokenBody,
    model::Host,
    policy::Policy,
    refusal::Cause,
    target::Target,
};

/// A name may have more addresses than anybody wants to wait for.
const MOST_ADDRESSES: usize = 8;

/// Dials only addresses that the guard has checked, at the moment of dialling.
#[derive(Clone)]
pub(super) struct GuardedConnector(Arc<Dialling>);

struct Dialling {
    guard: Arc<DestinationGuard>,
    policy: Arc<Policy>,
    /// For a proxy that is spoken to over TLS.
    proxy_tls: Arc<ClientConfig>,
    /// How long a connection may take to stand, TLS handshake and all addresses together.
    patience: Duration,
    /// How long a service may take nothing of what is sent to it.
    stall: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Guard(#[from] GuardError),
    #[error("the URI has no valid host")]
    Host,
    #[error("there is no policy")]
    NoPolicy,
    #[error("{0}")]
    Unreachable(io::Error),
    #[error("the upstream proxy: {0}")]
    Proxy(String),
    #[error("the connection did not stand in time")]
    Timeout,
}

impl GuardedConnector {
    pub(super) fn new(
        guard: Arc<DestinationGuard>, policy: Arc<Policy>, proxy_tls: Arc<ClientConfig>, limits: &Limits,
    ) -> Self {
        let (patience, stall) = (limits.connect, limits.stall);
        Self(Arc::new(Dialling { guard, policy, proxy_tls, patience, stall }))
    }

    /// Connects by the first address that answers, in time.
    pub(super) async fn dial(&self, host: &Host, port: u16) -> Result<Link, ConnectError> {
        let connecting = tokio::time::timeout(self.0.patience, self.0.route(host, port));
        connecting.await.unwrap_or(Err(ConnectError::Timeout))
    }

    async fn dial_for(self, uri: Uri) -> Result<Link, ConnectError> {
        let host = uri.host().and_then(|host| Host::parse(host).ok()).ok_or(ConnectError::Host)?;
        let port =
            uri.port_u16().unwrap_or_else(|| Target::default_port(uri.scheme().unwrap_or(&Scheme::HTTPS)));
        self.dial(&host, port).await
    }
}

impl Dialling {
    async fn route(&self, host: &Host, port: u16) -> Result<Link, ConnectError> {
        let snapshot = self.policy.snapshot().map_err(|_| ConnectError::NoPolicy)?;
        let route = self.guard.check(host, port, &snapshot.settings().allow_private).await?;
        match (route, self.guard.proxy()) {
            (Route::Direct(addresses), _) => self.in_turn(&addresses).await.map(Link::direct),
            (Route::Proxied(addresses), Some(proxy)) => {
                let mut last = ConnectError::Timeout;
                for address in addresses.iter().take(MOST_ADDRESSES) {
                    match self.through(proxy, &address.to_string()).await {
                        Ok(link) => return Ok(link),
                        // Asked again with the same password, it might close the account.
                        Err(error @ ConnectError::Proxy(_)) => return Err(error),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            (Route::ProxiedByName, Some(proxy)) => self.through(proxy, &format!("{host}:{port}")).await,
            (Route::Proxied(_) | Route::ProxiedByName, None) => Err(ConnectError::Host),
        }
    }

    async fn through(&self, proxy: &UpstreamProxy, authority: &str) -> Result<Link, ConnectError> {
        let addresses = self.guard.check_proxy(proxy).await?;
        let stream = self.in_turn(&addresses).await.map_err(|error| match error {
            ConnectError::Unreachable(error) => ConnectError::Proxy(format!("it can't be reached: {error}")),
            other => other,
        })?;
        proxied::connect(proxy, stream, authority, &self.proxy_tls).await.map(Link::proxied)
    }

    async fn in_turn(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::Timeout;
        // Half of the time, so that one that does not answer leaves some for the next.
        let per_address = self.patience / 2;
        for address in addresses.iter().take(MOST_ADDRESSES) {
            last = match tokio::time::timeout(per_address, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    socket::set_up(&stream, self.stall).map_err(ConnectError::Unreachable)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => ConnectError::Unreachable(error),
                Err(_) => ConnectError::Timeout,
            };
        }
        Err(last)
    }
}

type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<Link>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.dial_for(uri).await.map(TokioIo::new) })
    }
}

/// Bounds how long a connection may take to stand.
#[derive(Clone)]
pub(super) struct Timed<C>(pub(super) C, pub(super) Duration);

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error: Into<Box<dyn Error + Send + Sync>>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Connecting<C::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, patience) = (self.0.call(uri), self.1);
        Box::pin(async move {
            match tokio::time::timeout(patience, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(ConnectError::Timeout.into()),
            }
        })
    }
}

impl From<&ConnectError> for Cause {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Guard(error) => error.clone().into(),
            ConnectError::Timeout => Self::UpstreamTimeout,
            ConnectError::NoPolicy => Self::StoreUnavailable,
            ConnectError::Host | ConnectError::Unreachable(_) | ConnectError::Proxy(_) => {
                Self::UpstreamUnreachable(error.to_string())
            }
        }
    }
}

/// What a failed request to a service means for the agent.
pub(super) fn cause(error: &hyper_util::client::legacy::Error) -> Cause {
    if let Some(error) = find::<ConnectError>(error) {
        return error.into();
    }
    if let Some(error) = find::<BrokenBody>(error) {
        return Cause::of_body(error);
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return Cause::UpstreamTlsFailed(tls_failure::said(error));
    }
    match error.is_connect() {
        true => Cause::UpstreamUnreachable(in_own_words(error)),
        false => Cause::BadGateway(in_own_words(error)),
    }
}

/// What went wrong, without a word of the service's: it could be one that it was sent, such as a secret.
fn in_own_words(error: &(dyn Error + 'static)) -> String {
    let http = find::<hyper::Error>(error);
    if http.is_some_and(|error| error.is_parse() || error.is_parse_status()) {
        return "its answer is not valid HTTP".to_owned();
    }
    if http.is_some_and(hyper::Error::is_incomplete_message) {
        return "it closed the connection before its answer was whole".to_owned();
    }
    match find::<io::Error>(error) {
        Some(error) => format!("the connection broke off ({})", error.kind()),
        None => "the connection or the stream was ended".to_owned(),
    }
}

/// Looks for an error among another one's causes, also inside of I/O errors, which hide theirs.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
