//! `onecli agents`.

use clap::{Args, Subcommand};
use onecli_sdk::{
    Client, Error,
    types::{AccessTokenAnswer, AgentSecrets, CreateAgent, SecretMode, UpdateAgent},
};
use serde::Serialize;
use time::Duration;

use super::duration::parse_duration;
use crate::{
    exit::UsageError,
    lookup,
    output::{Output, Shape},
};

/// What to do with agents.
#[derive(Args)]
pub(crate) struct AgentsArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: AgentsCommand,
}

#[derive(Subcommand)]
enum AgentsCommand {
    /// Show all agents
    List,
    /// Make an agent and show its access token
    #[command(after_help = "Example:\n  onecli agents create 'Release bot' --quiet accessToken")]
    Create(CreateArgs),
    /// Show one agent
    Get {
        /// Its identifier, name or id
        agent: String,
    },
    /// Change an agent
    Update(UpdateArgs),
    /// Remove an agent, its children and the rules that name them
    Delete {
        /// Its identifier, name or id
        agent: String,
    },
    /// Give an agent a new access token; the one before stops at once
    RegenerateToken {
        /// Its identifier, name or id
        agent: String,
    },
    /// Show or set which secrets an agent may use
    #[command(
        after_help = "Examples:\n  onecli agents secrets ci --only github,npm\n  onecli agents secrets ci --all"
    )]
    Secrets(SecretsArgs),
    /// Show the agent that is meant when none is named
    Default,
}

#[derive(Args)]
struct CreateArgs {
    /// What people call it
    name: String,
    /// What scripts call it: a-z, 0-9 and - [default: made from the name]
    #[arg(long)]
    identifier: Option<String>,
    /// The agent as which it counts in rules, secrets and limits, by its identifier
    #[arg(long, value_name = "AGENT")]
    parent: Option<String>,
    /// For how long its token is valid, such as 30m, 12h or 7d [default: for good]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ttl: Option<Duration>,
}

#[derive(Args)]
struct UpdateArgs {
    /// Its identifier, name or id
    agent: String,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Let its token be valid
    #[arg(long)]
    enable: bool,
    /// Let its token not be valid
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Make it the one that is meant when none is named
    #[arg(long)]
    default: bool,
}

#[derive(Args)]
struct SecretsArgs {
    /// Its identifier, name or id
    agent: String,
    /// Let it use all secrets
    #[arg(long, conflicts_with = "only")]
    all: bool,
    /// Let it use only these, comma-separated: names or ids
    #[arg(long, value_name = "SECRETS", value_delimiter = ',')]
    only: Option<Vec<String>>,
}

/// Which secrets an agent may use.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MayUse {
    mode: SecretMode,
    secrets: Vec<String>,
}

const MAY_USE: Shape = Shape { fields: &["mode", "secrets"], columns: &["mode", "secrets"] };

const SHAPE: Shape = Shape {
    fields: &[
        "id",
        "name",
        "identifier",
        "accessToken",
        "isDefault",
        "secretMode",
        "enabled",
        "parentId",
        "createdAt",
        "lastSeenAt",
        "expiresAt",
    ],
    columns: &["identifier", "name", "isDefault", "enabled", "lastSeenAt"],
};

const TOKEN: Shape = Shape { fields: &["accessToken"], columns: &["accessToken"] };

/// Does it.
pub(super) async fn run(args: AgentsArgs) -> anyhow::Result<()> {
    let (output, client) = (args.output, Client::discover()?);
    match args.command {
        AgentsCommand::List => output.show(&client.agents().await?, &SHAPE),
        AgentsCommand::Create(args) => output.show(&client.create_agent(&new_agent(args)?).await?, &SHAPE),
        AgentsCommand::Get { agent } => output.show(&lookup::agent(&client, &agent).await?, &SHAPE),
        AgentsCommand::Update(args) => {
            let agent = lookup::agent(&client, &args.agent).await?;
            output.show(&client.update_agent(agent.id, &args.changes.into()).await?, &SHAPE)
        }
        AgentsCommand::Delete { agent } => {
            let agent = lookup::agent(&client, &agent).await?;
            client.delete_agent(agent.id).await?;
            output.tell(&format!("Agent {} is gone; its token is no longer valid.", agent.identifier))
        }
        AgentsCommand::RegenerateToken { agent } => {
            let agent = lookup::agent(&client, &agent).await?;
            let access_token = client.regenerate_agent_token(agent.id).await?;
            output.show(&AccessTokenAnswer { access_token }, &TOKEN)
        }
        AgentsCommand::Secrets(args) => output.show(&secrets(&client, args).await?, &MAY_USE),
        AgentsCommand::Default => output.show(&client.default_agent().await?, &SHAPE),
    }
}

async fn secrets(client: &Client, args: SecretsArgs) -> Result<MayUse, Error> {
    let mut agent = lookup::agent(client, &args.agent).await?;
    if let Some(only) = &args.only {
        let mut secret_ids = Vec::with_capacity(only.len());
        for secret in only {
            secret_ids.push(lookup::secret(client, secret).await?.id);
        }
        client.set_agent_secrets(agent.id, &AgentSecrets { secret_ids }).await?;
        agent = client.set_agent_secret_mode(agent.id, SecretMode::Selective).await?;
    } else if args.all {
        agent = client.set_agent_secret_mode(agent.id, SecretMode::All).await?;
    }
    let assigned = client.agent_secrets(agent.id).await?.secret_ids;
    let listed = client.secrets().await?.into_iter();
    let usable =
        listed.filter(|secret| agent.secret_mode == SecretMode::All || assigned.contains(&secret.id));
    Ok(MayUse { mode: agent.secret_mode, secrets: usable.map(|secret| secret.name).collect() })
}

fn new_agent(args: CreateArgs) -> Result<CreateAgent, UsageError> {
    let identifier = args.identifier.unwrap_or_else(|| identifier_of(&args.name));
    if identifier.is_empty() {
        return Err(UsageError("no identifier can be made from that name; say one with --identifier".into()));
    }
    Ok(CreateAgent {
        name: args.name,
        identifier,
        parent_identifier: args.parent,
        ttl_seconds: args.ttl.map(|ttl| ttl.whole_seconds().unsigned_abs()),
    })
}

/// `Release bot (CI)` as `release-bot-ci`.
fn identifier_of(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words = lower.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    joined.chars().take(50).collect::<String>().trim_end_matches('-').to_owned()
}

impl From<Changes> for UpdateAgent {
    fn from(changes: Changes) -> Self {
        Self {
            name: changes.name,
            enabled: (changes.enable || changes.disable).then_some(changes.enable),
            is_default: changes.default.then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::identifier_of;

    #[test]
    fn identifiers_from_names() {
        for (name, identifier) in
            [("ci", "ci"), ("Release bot (CI)", "release-bot-ci"), ("--x", "x"), ("Ünï", "n"), ("Ü", "")]
        {
            assert_eq!(identifier_of(name), identifier);
        }
        assert_eq!(identifier_of(&"ab ".repeat(30)).len(), 50);
    }
}
