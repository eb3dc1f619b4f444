//! A client that sends HTTP/2 frames as a test writes them (RFC 9113), since proper clients refuse to.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{daemon::Daemon, proxy::tls};

/// Types of frames (RFC 9113 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
/// Flags.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const HAS_PRIORITY: u8 = 0x20;
/// What a client sends first (RFC 9113 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection inside a tunnel.
pub struct RawHttp2(TlsStream<TcpStream>);

/// A frame as it came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What there was to read.
#[derive(Debug)]
pub enum Next {
    Frame(Frame),
    /// The connection has ended.
    Closed,
    /// Nothing came in time.
    Silence,
}

/// Error codes (RFC 9113 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    NoError,
    ProtocolError,
    InternalError,
    FlowControlError,
    SettingsTimeout,
    StreamClosed,
    FrameSizeError,
    RefusedStream,
    Cancel,
    CompressionError,
    ConnectError,
    EnhanceYourCalm,
    Other(u32),
}

/// What came back on a stream.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its body.
    pub body: Vec<u8>,
    /// It was reset, or the connection was closed.
    pub is_cut_off: bool,
}

impl RawHttp2 {
    /// CONNECTs to `host:443` and begins to speak HTTP/2 inside.
    pub async fn open(daemon: &Daemon, token: &str, host: &str) -> Self {
        let mut connection = Self::open_silent(daemon, token, host).await;
        connection.0.write_all(PREFACE).await.unwrap();
        connection.send(&frame(SETTINGS, 0, 0, &[])).await;
        connection
    }

    /// CONNECTs to `host:443` and agrees to speak HTTP/2 inside, but says nothing yet.
    pub async fn open_silent(daemon: &Daemon, token: &str, host: &str) -> Self {
        Self(tls(daemon, token, &format!("{host}:443"), host, "h2").await)
    }

    /// Sends bytes as they are. Answers whether the other side still took them.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// Reads until the first stream or the connection ends.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let Some((kind, flags, stream, payload)) = self.frame().await else {
                answer.is_cut_off = true;
                return answer;
            };
            match kind {
                SETTINGS if flags & ACK == 0 => {
                    self.send(&frame(SETTINGS, ACK, 0, &[])).await;
                }
                DATA if stream == 1 => answer.body.extend(payload),
                RST_STREAM | GOAWAY => answer.is_cut_off = true,
                _ => {}
            }
            let has_ended = stream == 1 && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
            if has_ended || answer.is_cut_off {
                return answer;
            }
        }
    }

    /// Reads data of the first stream until there is enough.
    pub async fn data_until(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut data = Vec::new();
        while !is_enough(&data) {
            match self.frame().await.expect("the connection ended") {
                (SETTINGS, flags, ..) if flags & ACK == 0 => {
                    self.send(&frame(SETTINGS, ACK, 0, &[])).await;
                }
                (DATA, _, 1, payload) => data.extend(payload),
                (RST_STREAM | GOAWAY, ..) => panic!("the stream was reset after {data:?}"),
                _ => {}
            }
        }
        data
    }

    /// Reads the next frame. After a silence, part of a frame may be lost.
    pub async fn next(&mut self, patience: Duration) -> Next {
        match tokio::time::timeout(patience, self.frame()).await {
            Ok(Some((kind, flags, stream, payload))) => Next::Frame(Frame { kind, flags, stream, payload }),
            Ok(None) => Next::Closed,
            Err(_) => Next::Silence,
        }
    }

    async fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], stream, payload))
    }
}

impl ErrorCode {
    const KNOWN: [Self; 12] = [
        Self::NoError,
        Self::ProtocolError,
        Self::InternalError,
        Self::FlowControlError,
        Self::SettingsTimeout,
        Self::StreamClosed,
        Self::FrameSizeError,
        Self::RefusedStream,
        Self::Cancel,
        Self::CompressionError,
        Self::ConnectError,
        Self::EnhanceYourCalm,
    ];

    /// Reads the four bytes at a place of a payload.
    pub fn read(payload: &[u8], at: usize) -> Self {
        let number = u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        let known = usize::try_from(number).ok().and_then(|number| Self::KNOWN.get(number).copied());
        known.unwrap_or(Self::Other(number))
    }
}

/// A frame (RFC 9113 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// SETTINGS (RFC 9113 6.5).
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (name, value) in values {
        payload.extend(name.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

/// WINDOW_UPDATE of a stream, or of the connection (RFC 9113 6.9).
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// RST_STREAM (RFC 9113 6.4).
pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// Fields as literals without indexing (RFC 7541 6.2.2), as they are.
pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of 7 bits (RFC 7541 5.1).
fn length(length: usize, block: &mut Vec<u8>) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}
