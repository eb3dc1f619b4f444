//! `onecli run`: a command whose way to the network is the gateway.

mod bundle;
mod environment;
mod proxy;

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use anyhow::Context;
use clap::Args;
use onecli_sdk::{
    Discovery,
    types::{ContainerConfig, GatewayUrl},
};

use crate::{
    exit::{ExecError, Exit, UsageError},
    output,
    runtime::block_on,
};
use bundle::Bundle;
use environment::Environment;

/// What to run, and as whom.
#[derive(Args)]
#[command(override_usage = "onecli run [OPTIONS] -- CMD [ARGS]...", after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// As this agent: identifier or id [default: the default agent]
    #[arg(long)]
    agent: Option<String>,
    /// Leave the trust settings of tools alone; the gateway's certificate is trusted already
    #[arg(long)]
    no_ca: bool,
    /// Show the environment that the command would get, without running it
    #[arg(long)]
    dry_run: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
The command gets the terminal itself; its exit code and signals are passed on.

Examples:
  onecli run -- curl https://api.github.com/user
  onecli run --agent ci -- git push
  onecli run --dry-run -- claude";

/// Becomes the command. Comes back only from a dry run, or if it could not.
pub(crate) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let discovery = Discovery::from_env()?;
    let (config, gateway) = block_on(ask(&discovery, args.agent.as_deref()))?;
    for warning in config.warnings.iter().flatten() {
        eprintln!("warning: {warning}");
    }
    let bundle = match args.no_ca {
        true => None,
        false => Some(Bundle::of(&config.ca_certificate, &absolute(&discovery.data_dir)?)),
    };
    let environment = Environment::new(&config, &gateway.url, bundle.as_ref().map(Bundle::path))?;
    if args.dry_run {
        output::print(&environment.masked())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(bundle) = &bundle {
        bundle.write()?;
    }
    Err(become_command(&args.command, &environment))
}

async fn ask(discovery: &Discovery, agent: Option<&str>) -> anyhow::Result<(ContainerConfig, GatewayUrl)> {
    let client = discovery.client()?;
    Ok((client.container_config(agent).await?, client.gateway_url().await?))
}

/// Puts the command in the place of this process, so that terminal, signals and exit code are its own.
fn become_command(command: &[OsString], environment: &Environment) -> anyhow::Error {
    let Some((program, arguments)) = command.split_first() else {
        return UsageError("there is no command; write it after --".into()).into();
    };
    let mut process = process::Command::new(program);
    process.args(arguments);
    environment.apply(&mut process);
    let error = process.exec();
    let shown = program.to_string_lossy();
    let (message, exit) = match error.kind() {
        io::ErrorKind::NotFound => {
            (format!("there is no command `{shown}`; is it installed and in PATH?"), Exit::NoSuchCommand)
        }
        io::ErrorKind::PermissionDenied => {
            (format!("`{shown}` may not be executed ({error})"), Exit::NotExecutable)
        }
        _ => (format!("`{shown}` can't be executed ({error})"), Exit::NotExecutable),
    };
    ExecError { message, exit }.into()
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("the data dir {} can't be resolved", path.display()))
}
