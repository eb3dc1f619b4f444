//! `onecli secrets`.

mod args;
mod value;

use clap::{Args, Subcommand};
use onecli_sdk::{Client, types::Secret};

use crate::{
    lookup,
    output::{Output, Shape},
};

#[cfg(test)]
pub(super) use args::TYPES;
use args::{CreateArgs, UpdateArgs};

/// What to do with secrets.
#[derive(Args)]
pub(crate) struct SecretsArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// Show all secrets, without their values
    List,
    /// Store a secret
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// Show one secret, without its value
    Get {
        /// Its name or id
        secret: String,
    },
    /// Change a secret; with no change named, its value
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArgs),
    /// Remove a secret
    Delete {
        /// Its name or id
        secret: String,
    },
}

const CREATE_EXAMPLES: &str = "\
The value comes from --value-file, --value-env or standard input, else it is asked for.

Examples:
  onecli secrets create github --host api.github.com --header authorization --format 'Bearer {value}'
  onecli secrets create git --host github.com --basic x-access-token --value-env GITHUB_TOKEN
  onecli secrets create claude --type anthropic --value-file claude.key
  pass show openai | onecli secrets create openai --type openai";

const UPDATE_EXAMPLES: &str = "\
A change of where a secret goes, or how, needs its value again.

Examples:
  onecli secrets update github --value-file new.key
  onecli secrets update github --name github-bot
  onecli secrets update github --path '/repos/*' --value-env GITHUB_TOKEN";

const SHAPE: Shape = Shape {
    fields: &[
        "id",
        "name",
        "type",
        "typeLabel",
        "hostPattern",
        "pathPattern",
        "injectionConfig",
        "allowPlainHttp",
        "preview",
        "warnings",
        "createdAt",
        "updatedAt",
        "lastUsedAt",
        "expiresAt",
    ],
    columns: &["name", "type", "hostPattern", "pathPattern", "preview", "lastUsedAt"],
};

/// Does it.
pub(super) async fn run(args: SecretsArgs) -> anyhow::Result<()> {
    let (output, client) = (args.output, Client::discover()?);
    match args.command {
        SecretsCommand::List => output.show(&client.secrets().await?, &SHAPE),
        SecretsCommand::Create(args) => {
            let secret = client.create_secret(&args.into_secret()?).await?;
            show_with_warnings(&output, &secret)
        }
        SecretsCommand::Get { secret } => output.show(&lookup::secret(&client, &secret).await?, &SHAPE),
        SecretsCommand::Update(args) => {
            let secret = lookup::secret(&client, &args.secret).await?;
            let secret = client.update_secret(secret.id, &args.into_changes()?).await?;
            show_with_warnings(&output, &secret)
        }
        SecretsCommand::Delete { secret } => {
            let secret = lookup::secret(&client, &secret).await?;
            client.delete_secret(secret.id).await?;
            output.tell(&format!("Secret {} is gone.", secret.name.escape_debug()))
        }
    }
}

fn show_with_warnings(output: &Output, secret: &Secret) -> anyhow::Result<()> {
    for warning in &secret.warnings {
        eprintln!("warning: {warning}");
    }
    output.show(secret, &SHAPE)
}
