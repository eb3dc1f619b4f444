//! `onecli`: starts the daemon, runs commands behind its gateway, and manages what it keeps.

mod commands;
mod exit;
mod lookup;
mod output;
mod run;
mod runtime;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use exit::Exit;

/// Lets agents call real services without ever holding the real keys.
#[derive(Parser)]
#[command(name = "onecli", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  onecli start
  onecli secrets create github --host api.github.com --header authorization --format 'Bearer {value}'
  onecli run -- curl https://api.github.com/user
  onecli rules create no-deletions --host api.github.com --method DELETE --action block
  onecli audit list

Environment:
  ONECLI_URL       address of the daemon [default: the local socket, else http://127.0.0.1:10254]
  ONECLI_API_KEY   key for it [default: the owner key in the data dir, on this machine]
  ONECLI_DATA_DIR  data dir of the daemon on this machine [default: ~/.onecli]

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not signed in, 5 daemon not reachable.";

/// What one thread allocates another one often frees here: the events of requests, for one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::of(&error).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
