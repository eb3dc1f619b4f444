//! The runtime of what talks to the daemon.

use std::future::Future;

use anyhow::Context;

/// Runs what talks to the daemon.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime can't be started")?;
    runtime.block_on(work)
}
