//! `onecli rules`.

use clap::{Args, Subcommand};
use onecli_sdk::{
    Client, Error,
    types::{ConditionType, CreateRule, Patch, RuleAction, RuleCondition, UpdateRule},
};

use super::wire_name::wire_name;
use crate::{
    lookup,
    output::{Output, Shape},
};

/// What to do with rules.
#[derive(Args)]
pub(crate) struct RulesArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand)]
enum RulesCommand {
    /// Show all rules
    List,
    /// Make a rule; it is in force at once, on open connections too
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// Show one rule
    Get {
        /// Its name or id
        rule: String,
    },
    /// Change a rule
    Update(UpdateArgs),
    /// Remove a rule
    Delete {
        /// Its name or id
        rule: String,
    },
    /// Let a rule match
    Enable {
        /// Its name or id
        rule: String,
    },
    /// Let a rule match nothing
    Disable {
        /// Its name or id
        rule: String,
    },
}

const CREATE_EXAMPLES: &str = "\
Examples:
  onecli rules create no-deletions --host api.github.com --method DELETE --action block
  onecli rules create no-force --host git.example.com --query-has force=true --action block
  onecli rules create read-only --host '*.example.com' --path '/v1/*' --method GET --action allow --agent ci";

/// The names of the actions.
pub(super) const ACTIONS: &[&str] = &["block", "rate_limit", "allow"];

#[derive(Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// The hosts that it is about, such as api.example.com, *.example.com or *
    #[arg(long, value_name = "PATTERN")]
    host: String,
    /// The paths that it is about, such as /v1/* [default: all]
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// The methods that it is about, comma-separated [default: all]
    #[arg(long, value_name = "METHODS", value_delimiter = ',')]
    method: Option<Vec<String>>,
    /// What happens to a request that it matches; a block outweighs every allow
    #[arg(long, value_parser = wire_name::<RuleAction>(ACTIONS))]
    action: RuleAction,
    /// For rate_limit: how many requests may pass in a window, for each agent
    #[arg(long, value_name = "NUMBER", requires = "per")]
    limit: Option<u64>,
    /// For rate_limit: how long the window is: minute, hour, day or such as 30s
    #[arg(long, value_name = "WINDOW", requires = "limit")]
    per: Option<String>,
    #[command(flatten)]
    conditions: Conditions,
    /// The agent that it is about, with its children: identifier, name or id [default: all]
    #[arg(long)]
    agent: Option<String>,
    /// Let it match nothing until it is enabled
    #[arg(long)]
    disabled: bool,
}

/// What else a request must be like; all must hold.
#[derive(Args)]
struct Conditions {
    /// A text that the body holds, as sent or decoded
    #[arg(long, value_name = "TEXT")]
    body_contains: Vec<String>,
    /// A header and its whole value
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    header_equals: Vec<(String, String)>,
    /// A header and a text that its value holds
    #[arg(long, value_name = "NAME=TEXT", value_parser = pair)]
    header_contains: Vec<(String, String)>,
    /// A parameter of the query, with a value or any
    #[arg(long, value_name = "NAME[=VALUE]")]
    query_has: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

impl Conditions {
    fn given(&self) -> Vec<RuleCondition> {
        let condition = |kind, name: Option<&str>, value: Option<&str>| RuleCondition {
            kind,
            name: name.map(str::to_owned),
            value: value.map(str::to_owned),
        };
        let body =
            self.body_contains.iter().map(|text| condition(ConditionType::BodyContains, None, Some(text)));
        let equals = self.header_equals.iter();
        let equals =
            equals.map(|(name, value)| condition(ConditionType::HeaderEquals, Some(name), Some(value)));
        let contains = self.header_contains.iter();
        let contains =
            contains.map(|(name, text)| condition(ConditionType::HeaderContains, Some(name), Some(text)));
        let query = self.query_has.iter().map(|text| match text.split_once('=') {
            Some((name, value)) => condition(ConditionType::QueryHas, Some(name), Some(value)),
            None => condition(ConditionType::QueryHas, Some(text), None),
        });
        body.chain(equals).chain(contains).chain(query).collect()
    }
}

#[derive(Args)]
struct UpdateArgs {
    /// Its name or id
    rule: String,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// The hosts that it is about
    #[arg(long, value_name = "PATTERN")]
    host: Option<String>,
    /// The paths that it is about
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Let it be about all paths
    #[arg(long, conflicts_with = "path")]
    any_path: bool,
    /// The methods that it is about, comma-separated
    #[arg(long, value_name = "METHODS", value_delimiter = ',')]
    method: Option<Vec<String>>,
    /// Let it be about all methods
    #[arg(long, conflicts_with = "method")]
    any_method: bool,
    /// What happens to a request that it matches
    #[arg(long, value_parser = wire_name::<RuleAction>(ACTIONS))]
    action: Option<RuleAction>,
    /// For rate_limit: how many requests may pass in a window, for each agent
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// For rate_limit: how long the window is: minute, hour, day or such as 30s
    #[arg(long, value_name = "WINDOW")]
    per: Option<String>,
    #[command(flatten)]
    conditions: Conditions,
    /// Let it have no conditions
    #[arg(long)]
    any_content: bool,
    /// The agent that it is about, with its children: identifier, name or id
    #[arg(long)]
    agent: Option<String>,
    /// Let it be about all agents
    #[arg(long, conflicts_with = "agent")]
    any_agent: bool,
}

const SHAPE: Shape = Shape {
    fields: &[
        "id",
        "name",
        "hostPattern",
        "pathPattern",
        "method",
        "methods",
        "conditions",
        "action",
        "rateLimit",
        "rateLimitWindow",
        "enabled",
        "agentId",
        "createdAt",
        "updatedAt",
    ],
    columns: &["name", "action", "hostPattern", "pathPattern", "methods", "enabled"],
};

/// Does it.
pub(super) async fn run(args: RulesArgs) -> anyhow::Result<()> {
    let (output, client) = (args.output, Client::discover()?);
    match args.command {
        RulesCommand::List => output.show(&client.rules().await?, &SHAPE),
        RulesCommand::Create(args) => {
            let rule = new_rule(&client, args).await?;
            output.show(&client.create_rule(&rule).await?, &SHAPE)
        }
        RulesCommand::Get { rule } => output.show(&lookup::rule(&client, &rule).await?, &SHAPE),
        RulesCommand::Update(args) => {
            let id = lookup::rule(&client, &args.rule).await?.id;
            let changes = changes(&client, args.changes).await?;
            output.show(&client.update_rule(id, &changes).await?, &SHAPE)
        }
        RulesCommand::Delete { rule } => {
            let rule = lookup::rule(&client, &rule).await?;
            client.delete_rule(rule.id).await?;
            output.tell(&format!("Rule {} is gone.", rule.name.escape_debug()))
        }
        RulesCommand::Enable { rule } => set_enabled(&client, &output, &rule, true).await,
        RulesCommand::Disable { rule } => set_enabled(&client, &output, &rule, false).await,
    }
}

async fn set_enabled(client: &Client, output: &Output, rule: &str, enabled: bool) -> anyhow::Result<()> {
    let id = lookup::rule(client, rule).await?.id;
    let changes = UpdateRule { enabled: Some(enabled), ..UpdateRule::default() };
    output.show(&client.update_rule(id, &changes).await?, &SHAPE)
}

async fn new_rule(client: &Client, args: CreateArgs) -> Result<CreateRule, Error> {
    let agent_id = match &args.agent {
        Some(agent) => Some(lookup::agent(client, agent).await?.id),
        None => None,
    };
    Ok(CreateRule {
        name: args.name,
        host_pattern: args.host,
        path_pattern: args.path,
        method: None,
        methods: args.method,
        conditions: Some(args.conditions.given()).filter(|given| !given.is_empty()),
        action: args.action,
        rate_limit: args.limit,
        rate_limit_window: args.per,
        enabled: args.disabled.then_some(false),
        agent_id,
    })
}

async fn changes(client: &Client, args: Changes) -> Result<UpdateRule, Error> {
    let agent_id = match &args.agent {
        Some(agent) => Patch::Set(lookup::agent(client, agent).await?.id),
        None => clear_if(args.any_agent),
    };
    Ok(UpdateRule {
        name: args.name,
        host_pattern: args.host,
        path_pattern: args.path.map_or_else(|| clear_if(args.any_path), Patch::Set),
        method: Patch::Keep,
        methods: args.method.map_or_else(|| clear_if(args.any_method), Patch::Set),
        conditions: match args.conditions.given() {
            given if given.is_empty() => clear_if(args.any_content),
            given => Patch::Set(given),
        },
        action: args.action,
        rate_limit: args.limit,
        rate_limit_window: args.per,
        enabled: None,
        agent_id,
    })
}

fn clear_if<T>(clear: bool) -> Patch<T> {
    match clear {
        true => Patch::Clear,
        false => Patch::Keep,
    }
}
