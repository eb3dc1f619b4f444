//! What people read when the daemon has started.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

/// One log line for each listener.
pub(crate) fn listeners(gateway: &[SocketAddr], has_tls: bool, dashboard: SocketAddr) {
    let tls = if has_tls { ", with TLS or without" } else { "" };
    for address in gateway {
        match address.ip().is_loopback() {
            true => tracing::info!("gateway on {address}{tls}"),
            false => tracing::info!(
                "gateway on {address}{tls}, which containers reach as host.docker.internal:{}",
                address.port()
            ),
        }
    }
    tracing::info!("API on http://{dashboard}");
}

/// What to do next, on the first start alone.
pub(crate) fn first_steps() {
    const STEPS: &str = "\
OneCLI is ready, with an agent named `default`. Next, in another terminal:

  onecli secrets create github --host api.github.com --header authorization --format 'Bearer {value}'
  onecli run -- curl https://api.github.com/user
";
    // Nobody may be reading; that is no reason to stop.
    let _ = io::stdout().lock().write_all(STEPS.as_bytes());
}
