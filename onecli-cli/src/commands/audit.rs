//! `onecli audit`.

use clap::{Args, Subcommand};
use onecli_sdk::{
    Client,
    types::{AuditDecision, AuditQuery},
};
use time::OffsetDateTime;

use super::{duration::parse_past, wire_name::wire_name};
use crate::{
    lookup,
    output::{Output, Shape},
};

/// What to do with the audit log.
#[derive(Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Show audit events, newest first
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
}

const LIST_EXAMPLES: &str = "\
Examples:
  onecli audit list --decision blocked --since 1h
  onecli audit list --agent ci --fields at,method,host,path,status --json";

/// The names of the decisions.
pub(super) const DECISIONS: &[&str] =
    &["allowed", "tunnelled", "blocked", "rate_limited", "refused", "failed", "interrupted", "revoked"];

/// How many events the daemon gives at once, at the most.
const PAGE: u32 = 1000;

#[derive(Args)]
struct ListArgs {
    /// Of this agent: identifier or id
    #[arg(long)]
    agent: Option<String>,
    /// To this host
    #[arg(long)]
    host: Option<String>,
    /// That ended so
    #[arg(long, value_parser = wire_name::<AuditDecision>(DECISIONS))]
    decision: Option<AuditDecision>,
    /// With this method
    #[arg(long)]
    method: Option<String>,
    /// Answered with this status
    #[arg(long)]
    status: Option<u16>,
    /// Into which this secret was put: name or id
    #[arg(long)]
    secret: Option<String>,
    /// Decided by this rule: name or id
    #[arg(long)]
    rule: Option<String>,
    /// Into which a secret was put, or with `false` none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    injected: Option<bool>,
    /// Received at this time or after: 2026-01-05T09:30:00Z, or how long ago, such as 30m
    #[arg(long, value_name = "TIME", value_parser = parse_past)]
    since: Option<OffsetDateTime>,
    /// Received before this time: 2026-01-05T09:30:00Z, or how long ago, such as 30m
    #[arg(long, value_name = "TIME", value_parser = parse_past)]
    until: Option<OffsetDateTime>,
    /// With this text in it
    #[arg(long = "search", value_name = "TEXT")]
    text: Option<String>,
    /// How many at the most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// From where to go on: what the page before said
    #[arg(long)]
    cursor: Option<String>,
}

const SHAPE: Shape = Shape {
    fields: &[
        "id",
        "at",
        "kind",
        "actor",
        "source",
        "agentId",
        "agentName",
        "parentAgentId",
        "method",
        "scheme",
        "host",
        "port",
        "path",
        "decision",
        "reason",
        "notInjectedBecause",
        "ruleId",
        "ruleName",
        "secretIds",
        "limits",
        "approvalId",
        "gateway",
        "status",
        "requestBytes",
        "responseBytes",
        "durationMs",
        "count",
        "error",
    ],
    columns: &["at", "agentName", "method", "host", "path", "status", "decision", "reason"],
};

/// Does it.
pub(super) async fn run(args: AuditArgs) -> anyhow::Result<()> {
    let AuditCommand::List(list) = args.command;
    let (client, limit) = (Client::discover()?, list.limit);
    let mut query = query(&client, list).await?;
    let mut events = Vec::new();
    loop {
        let wanted = limit.saturating_sub(u32::try_from(events.len()).unwrap_or(u32::MAX));
        query.limit = Some(wanted.min(PAGE));
        let page = client.audit(&query).await?;
        events.extend(page.events);
        query.cursor = page.next;
        // A page that is not full is the last one only if no cursor leads on.
        if events.len() >= limit as usize || query.cursor.is_none() {
            break;
        }
    }
    args.output.show(&events, &SHAPE)?;
    if let Some(cursor) = query.cursor {
        eprintln!("There are more: add --cursor {}", cursor.escape_debug());
    }
    Ok(())
}

async fn query(client: &Client, args: ListArgs) -> anyhow::Result<AuditQuery> {
    let secret = match &args.secret {
        Some(secret) => Some(lookup::secret(client, secret).await?.id.to_string()),
        None => None,
    };
    let rule = match &args.rule {
        Some(rule) => Some(lookup::rule(client, rule).await?.id.to_string()),
        None => None,
    };
    Ok(AuditQuery {
        agent: args.agent,
        host: args.host,
        decision: args.decision,
        method: args.method,
        status: args.status,
        secret,
        rule,
        injected: args.injected,
        since: args.since,
        until: args.until,
        text: args.text,
        limit: None,
        cursor: args.cursor,
    })
}
