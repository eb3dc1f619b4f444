//! A connection to a service.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{one_of::OneOf, proxied::Proxied, resend::HasAnswered};

/// A connection to a service, direct or through the upstream proxy.
#[derive(Debug)]
pub(super) struct Link(OneOf<TcpStream, Box<Proxied>>);

impl Link {
    pub(super) fn direct(stream: TcpStream) -> Self {
        Self(OneOf::First(stream))
    }

    pub(super) fn proxied(stream: Proxied) -> Self {
        Self(OneOf::Second(Box::new(stream)))
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        // The proxy sees a tunnel: requests are written as for the service itself.
        Connected::new().extra(HasAnswered::default())
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>, context: &mut Context<'_>, buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
