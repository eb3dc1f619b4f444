//! Log lines, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// What these libraries say of connections may hold what agents and services send, so only their warnings are shown, whatever is
/// asked for.
const THEIR_WARNINGS: [&str; 6] =
    ["h2=warn", "hyper=warn", "hyper_util=warn", "reqwest=warn", "rustls=warn", "tokio_rustls=warn"];

/// Begins to log. Does nothing if a program that embeds the daemon logs already.
pub(crate) fn begin(settings: &LogSettings) {
    let parsed = THEIR_WARNINGS.iter().filter_map(|directive| directive.parse().ok());
    let filter = parsed.fold(EnvFilter::new(&settings.filter), EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = match settings.format {
        LogFormat::Text => lines.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
