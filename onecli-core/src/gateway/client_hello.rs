//! The beginning of a connection that is not looked into: what it says of its destination must be true.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, ReadBuf};

use crate::model::Host;

/// What a client sends: its bytes go on once it is clear that it asks for no other host: bytes that are no TLS at once, a TLS
/// handshake when the name in it was seen. A handshake that names none may go on.
pub(super) struct Checked<S> {
    inner: S,
    state: State,
}

enum State {
    /// What was read so far, and who it has to be for.
    Reading {
        read: Vec<u8>,
        host: Host,
    },
    Passing(Bytes),
}

/// The first byte of a TLS handshake record (RFC 8446 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// No client's first message is longer.
const LONGEST: usize = 64 * 1024;

impl<S> Checked<S> {
    pub(super) fn new(inner: S, host: Host) -> Self {
        Self { inner, state: State::Reading { read: Vec::new(), host } }
    }
}

/// Whether the bytes may go on; none if more are needed.
fn is_for(read: &[u8], host: &Host) -> io::Result<Option<()>> {
    if read.first().is_some_and(|first| *first != TLS_HANDSHAKE) {
        return Ok(Some(()));
    }
    let (mut acceptor, mut rest) = (Acceptor::default(), read);
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest)?;
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                return match hello.server_name().map(Host::parse) {
                    Some(named) if named.as_ref() != Ok(host) => {
                        Err(io::Error::new(io::ErrorKind::InvalidData, OtherHost))
                    }
                    _ => Ok(Some(())),
                };
            }
            Ok(None) => {}
            // What can't be read can't be judged, though a service might read it.
            Err(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the TLS handshake can't be read"));
            }
        }
    }
    match read.len() < LONGEST {
        true => Ok(None),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "the TLS handshake is too long")),
    }
}

/// A TLS handshake for another host than the CONNECT was for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the TLS handshake names another host than the CONNECT")]
pub(super) struct OtherHost;

impl<S: AsyncRead + Unpin> AsyncRead for Checked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Passing(read) if read.is_empty() => {
                    return Pin::new(&mut this.inner).poll_read(context, buffer);
                }
                State::Passing(read) => {
                    let length = read.len().min(buffer.remaining());
                    buffer.put_slice(&read.split_to(length));
                    return Poll::Ready(Ok(()));
                }
                State::Reading { read, host } => {
                    let mut more = [0; 4096];
                    let mut more = ReadBuf::new(&mut more);
                    ready!(Pin::new(&mut this.inner).poll_read(context, &mut more))?;
                    read.extend_from_slice(more.filled());
                    let has_ended = more.filled().is_empty();
                    if has_ended || is_for(read, host)?.is_some() {
                        this.state = State::Passing(std::mem::take(read).into());
                        if has_ended && matches!(&this.state, State::Passing(read) if !read.has_remaining()) {
                            return Poll::Ready(Ok(()));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_for;
    use crate::model::Host;

    #[test]
    fn what_begins_as_a_handshake_must_be_one() {
        let host = Host::parse("a.test").unwrap();
        assert!(is_for(b"", &host).unwrap().is_none(), "nothing came yet");
        assert!(is_for(b"SSH-2.0-x\r\n", &host).unwrap().is_some());
        assert!(is_for(b"\x16\x03\x01\x00\x40\x01", &host).unwrap().is_none(), "the rest is on its way");
        // Records (RFC 8446 5.1) of what is no ClientHello.
        for record in
            [&b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"[..], b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff"]
        {
            assert!(is_for(record, &host).is_err(), "{record:?}");
        }
    }
}
