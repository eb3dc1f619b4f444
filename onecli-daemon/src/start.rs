//! From the settings to a running daemon, and to its end.

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    daemon::Daemon,
    hardening, logging,
    settings::{Environment, Flags, Settings},
};

/// Runs the daemon until SIGTERM or SIGINT; then lets running exchanges end.
///
/// # Errors
/// If a setting does not parse, or something that the daemon needs is not to be had.
pub fn start(flags: Flags) -> Result<ExitCode> {
    // Before a key is read.
    hardening::keep_private().context("core files can't be turned off")?;
    let settings = Settings::read(&flags, &Environment::of_process())?;
    logging::begin(&settings.log);
    for name in &settings.unknown {
        tracing::warn!("{name} is no setting of this version and has no effect; is it misspelt?");
    }
    // It fails only if a program that embeds the daemon has chosen one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().context("the runtime can't start")?;
    runtime.block_on(run(settings))
}

async fn run(settings: Settings) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let daemon = tokio::select! {
        daemon = Daemon::launch(settings) => daemon?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    signals.next().await;
    tracing::info!("stopping: running exchanges may end; once more ends them now");
    tokio::select! {
        () = daemon.shutdown() => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        () = signals.next() => {
            tracing::warn!("stopped before running exchanges had ended");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The signals that ask for the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
