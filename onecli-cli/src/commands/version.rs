//! `onecli version`.

use clap::Args;
use serde_json::json;

use crate::output::{self, Output, Shape};

/// How to show it.
#[derive(Args)]
pub(crate) struct VersionArgs {
    #[command(flatten)]
    output: Output,
}

const SHAPE: Shape = Shape { fields: &["version"], columns: &["version"] };

/// Shows this program's version.
pub(super) fn run(args: VersionArgs) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    match args.output.is_json() || args.output.is_narrowed() {
        true => args.output.show(&json!({ "version": version }), &SHAPE),
        false => output::print(&format!("onecli {version}\n")),
    }
}
