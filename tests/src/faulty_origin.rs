//! A service that breaks off where a test wants it to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::origin::Authority;

/// What it does once a request's head is there.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answers and keeps the connection; the second request on it finds it closed.
    ClosesAfterOne,
    /// Says this, and closes the connection.
    Says(&'static str),
    /// Says nothing, and waits for the other side to go.
    Waits,
}

/// A running service, over HTTP/1.1.
pub struct FaultyOrigin {
    pub address: SocketAddr,
    pub ca_pem: String,
    requests: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

impl FaultyOrigin {
    pub async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, ca_pem) = Authority::acceptor(&["http/1.1"]);
        let origin = Self { address, ca_pem, requests: Arc::default(), left: Arc::default() };
        let (requests, left) = (Arc::clone(&origin.requests), Arc::clone(&origin.left));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, requests, left) = (acceptor.clone(), Arc::clone(&requests), Arc::clone(&left));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    for number in 0.. {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            match stream.read_u8().await {
                                Ok(byte) => head.push(byte),
                                Err(_) => return,
                            }
                        }
                        requests.fetch_add(1, Ordering::SeqCst);
                        match fault {
                            Fault::ClosesAfterOne if number == 0 => stream.write_all(ANSWER).await.unwrap(),
                            Fault::ClosesAfterOne => return,
                            Fault::Says(text) => {
                                let _ = stream.write_all(text.as_bytes()).await;
                                let _ = stream.shutdown().await;
                                return;
                            }
                            Fault::Waits => {
                                let _ = stream.read_to_end(&mut Vec::new()).await;
                                left.fetch_add(1, Ordering::SeqCst);
                                return;
                            }
                        }
                    }
                });
            }
        });
        origin
    }

    /// How many requests' heads have come.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many connections the other side has left while it was to wait.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}
