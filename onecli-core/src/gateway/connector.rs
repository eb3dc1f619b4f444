//! Connections to services.

use std::{
    error::Error,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::tls_failure;
use crate::{
    destination::{DestinationGuard, GuardError},
    exchange::BrokenBody,
    model::Host,
    policy::Policy,
    refusal::Cause,
    target::Target,
};

/// How long one address may take to answer.
const PER_ADDRESS: Duration = Duration::from_secs(5);
/// How long a connection may take to stand, TLS handshake and all addresses together.
const ALTOGETHER: Duration = Duration::from_secs(10);

/// Dials only addresses that the guard has checked, at the moment of dialling.
#[derive(Clone)]
pub(super) struct GuardedConnector {
    guard: Arc<DestinationGuard>,
    policy: Arc<Policy>,
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
    #[error("the connection did not stand in time")]
    Timeout,
}

impl GuardedConnector {
    pub(super) fn new(guard: Arc<DestinationGuard>, policy: Arc<Policy>) -> Self {
        Self { guard, policy }
    }

    async fn dial_for(self, uri: Uri) -> Result<TcpStream, ConnectError> {
        let host = uri.host().and_then(|host| Host::parse(host).ok()).ok_or(ConnectError::Host)?;
        let port =
            uri.port_u16().unwrap_or_else(|| Target::default_port(uri.scheme().unwrap_or(&Scheme::HTTPS)));
        self.dial(&host, port).await
    }

    /// Connects to the first address that answers.
    pub(super) async fn dial(&self, host: &Host, port: u16) -> Result<TcpStream, ConnectError> {
        let snapshot = self.policy.snapshot().map_err(|_| ConnectError::NoPolicy)?;
        let addresses = self.guard.check(host, port, &snapshot.settings().allow_private).await?;
        let mut last = ConnectError::Timeout;
        for address in addresses.iter() {
            last = match tokio::time::timeout(PER_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(ConnectError::Unreachable)?;
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
    type Response = TokioIo<TcpStream>;
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
pub(super) struct Timed<C>(pub(super) C);

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
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(ALTOGETHER, connecting).await {
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
            ConnectError::Host | ConnectError::Unreachable(_) => Self::UpstreamUnreachable(error.to_string()),
        }
    }
}

/// What a failed request to a service means for the agent.
pub(super) fn cause(error: &hyper_util::client::legacy::Error) -> Cause {
    if let Some(error) = find::<ConnectError>(error) {
        return error.into();
    }
    if find::<BrokenBody>(error).is_some() {
        return Cause::BROKEN_BODY;
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return Cause::UpstreamTlsFailed(tls_failure::said(error));
    }
    match error.is_connect() {
        true => Cause::UpstreamUnreachable(crate::error_chain(error)),
        false => Cause::BadGateway(crate::error_chain(error)),
    }
}

/// Looks for an error among another one's causes, also inside of I/O errors, which hide theirs.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
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
