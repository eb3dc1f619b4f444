//! `onecli start`.

use std::process::ExitCode;

use clap::Args;

/// The daemon's settings.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    flags: onecli_daemon::settings::Flags,
}

const EXAMPLES: &str = "\
Each flag is also a variable: --data-dir is ONECLI_DATA_DIR, --app-url is APP_URL.

Examples:
  onecli start
  onecli start --data-dir /var/lib/onecli --default-policy deny";

/// Runs the daemon until it is told to stop.
pub(super) fn run(args: StartArgs) -> anyhow::Result<ExitCode> {
    onecli_daemon::start(args.flags)
}
