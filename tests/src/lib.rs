//! What end-to-end tests stand on: a real TLS origin, a real daemon, and the search for leaked secrets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first thing that is not as it should be"
)]

pub mod canary;
pub mod connect_proxy;
pub mod daemon;
pub mod dns_server;
pub mod faulty_origin;
pub mod file_server;
pub mod frozen_link;
pub mod generated;
pub mod git_server;
pub mod origin;
pub mod postgres;
pub mod proxy;
pub mod raw_http2;
pub mod raw_origin;

use std::{future::Future, time::Duration};

/// Asks until the answer is there.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within 20 s"))
}
