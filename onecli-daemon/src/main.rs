//! `onecli-daemon`: what `onecli start` runs, as a program of its own.

use std::process::ExitCode;

use clap::Parser;
use onecli_daemon::settings::Flags;

/// Runs the OneCLI gateway and its API.
#[derive(Parser)]
#[command(name = "onecli-daemon", version)]
struct Command {
    #[command(flatten)]
    flags: Flags,
}

/// What one thread allocates another one often frees here: the events of requests, for one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match onecli_daemon::start(Command::parse().flags) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
