//! The commands.

mod agents;
mod audit;
mod config;
mod duration;
mod rules;
mod secrets;
mod start;
mod version;
mod wire_name;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{run, runtime::block_on};

/// What `onecli` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run gateway and API on this machine
    Start(Box<start::StartArgs>),
    /// Run a command whose way to the network is the gateway
    Run(run::RunArgs),
    /// Agents: who sends requests through the gateway
    Agents(agents::AgentsArgs),
    /// Secrets: credentials that the gateway puts into requests
    Secrets(secrets::SecretsArgs),
    /// Rules: what may pass
    Rules(rules::RulesArgs),
    /// The audit log: who accessed what, and when
    Audit(audit::AuditArgs),
    /// Settings of the policy
    Config(config::ConfigArgs),
    /// This program's version
    Version(version::VersionArgs),
}

/// Does it. The answer is the exit code.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Start(args) => return start::run(*args),
        Command::Run(args) => return run::run(args),
        Command::Agents(args) => block_on(agents::run(args))?,
        Command::Secrets(args) => block_on(secrets::run(args))?,
        Command::Rules(args) => block_on(rules::run(args))?,
        Command::Audit(args) => block_on(audit::run(args))?,
        Command::Config(args) => block_on(config::run(args))?,
        Command::Version(args) => version::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}
