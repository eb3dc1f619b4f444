//! A service that keeps the bytes of each whole request as they came.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    origin::Authority,
    raw_http2::{GOAWAY, SETTINGS, frame},
};

/// What it answers, unless a test says otherwise.
pub const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A running service. It speaks TLS to those who begin with it, and plain HTTP to others; HTTP/1.1 alone.
pub struct RawOrigin {
    pub address: SocketAddr,
    pub ca_pem: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl RawOrigin {
    /// Answers each request with `answer`, and closes where the answer has no length.
    pub async fn start(answer: &'static [u8]) -> Self {
        Self::start_at("127.0.0.1", answer).await
    }

    /// At an address of this machine.
    pub async fn start_at(ip: &str, answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, ca_pem) = Authority::acceptor(&[]);
        let requests: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let mut first = [0];
                    match stream.peek(&mut first).await {
                        Ok(1) if first == [0x16] => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            serve(stream, answer, &kept).await;
                        }
                        _ => serve(stream, answer, &kept).await,
                    }
                });
            }
        });
        Self { address, ca_pem, requests }
    }

    /// The requests so far, byte by byte.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }
}

/// A service that speaks HTTP/2 so far that it can break off, and says `words` then, as one does that shows what it was sent.
pub async fn http2_goaway(words: &'static str) -> RawOrigin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, ca_pem) = Authority::acceptor(&["h2"]);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut first = [0; 4096];
            let _ = stream.read(&mut first).await;
            // The last stream that was looked at, PROTOCOL_ERROR, and the words (RFC 9113 6.8).
            let goaway = [&[0, 0, 0, 1, 0, 0, 0, 1], words.as_bytes()].concat();
            let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
            let _ = stream.write_all(&frame(GOAWAY, 0, 0, &goaway)).await;
            let _ = stream.shutdown().await;
        }
    });
    RawOrigin { address, ca_pem, requests: Arc::default() }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8], kept: &Mutex<Vec<Vec<u8>>>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(length) = complete(&bytes) {
            let rest = bytes.split_off(length);
            kept.lock().unwrap().push(std::mem::replace(&mut bytes, rest));
            let has_length = answer.windows(15).any(|window| window.eq_ignore_ascii_case(b"content-length:"));
            if stream.write_all(answer).await.is_err() || !has_length {
                let _ = stream.shutdown().await;
                return;
            }
            continue;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&buffer[..length]),
            // What is not whole is no request.
            _ => return,
        }
    }
}

/// How long the first request is, once it is there. It reads only what a gateway may send.
fn complete(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked\r\n") {
        let end = bytes[head..].windows(5).position(|window| window == b"0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let length = text
        .split("\r\ncontent-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
    (bytes.len() >= head + length).then_some(head + length)
}
