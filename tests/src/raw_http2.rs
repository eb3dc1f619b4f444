//! A client that sends HTTP/2 frames as a test writes them (RFC 9113), since proper clients refuse to.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{daemon::Daemon, proxy::tls};

/// Types of frames (RFC 9113 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
/// Flags.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A connection inside a tunnel.
pub struct RawHttp2(TlsStream<TcpStream>);

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
        let mut stream = tls(daemon, token, &format!("{host}:443"), host, "h2").await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut connection = Self(stream);
        connection.send(&frame(SETTINGS, 0, 0, &[])).await;
        connection
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

/// A frame (RFC 9113 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
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
