//! `onecli config`.

use clap::{Args, Subcommand};
use onecli_sdk::{
    Client,
    types::{Settings, UpdateSettings},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    exit::UsageError,
    output::{self, Output, Shape},
};

/// What to do with the settings.
#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Show all settings of the policy
    List,
    /// Show one setting
    Get {
        /// defaultPolicy, intercept, passthroughHosts, allowPrivate or auditRetentionDays
        #[arg(value_parser = Name::parse)]
        name: Name,
    },
    /// Change a setting; it is in force at once
    #[command(after_help = SET_EXAMPLES)]
    Set {
        /// defaultPolicy, intercept, passthroughHosts, allowPrivate or auditRetentionDays
        #[arg(value_parser = Name::parse)]
        name: Name,
        /// Its value; lists are comma-separated, and empty with ''
        value: String,
    },
}

const SET_EXAMPLES: &str = "\
Examples:
  onecli config set defaultPolicy deny
  onecli config set passthroughHosts pinned.example.com
  onecli config set allowPrivate 10.2.0.0/16,build.internal:8443
  onecli config set auditRetentionDays 30";

/// The names of the default policies.
pub(super) const POLICIES: &[&str] = &["allow", "deny"];

const SHAPE: Shape = Shape {
    fields: &["defaultPolicy", "intercept", "passthroughHosts", "allowPrivate", "auditRetentionDays"],
    columns: &[],
};

/// What there is to look into.
const INTERCEPTS: &[&str] = &["all", "matched"];

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    DefaultPolicy,
    Intercept,
    PassthroughHosts,
    AllowPrivate,
    AuditRetentionDays,
}

/// Does it.
pub(super) async fn run(args: ConfigArgs) -> anyhow::Result<()> {
    let (output, client) = (args.output, Client::discover()?);
    match args.command {
        ConfigCommand::List => output.show(&client.settings().await?, &SHAPE),
        ConfigCommand::Get { name } => show_one(&output, name, &client.settings().await?),
        ConfigCommand::Set { name, value } => {
            show_one(&output, name, &client.update_settings(&name.change(&value)?).await?)
        }
    }
}

/// Shows one setting: alone to people, under its name to programs.
fn show_one(output: &Output, name: Name, settings: &Settings) -> anyhow::Result<()> {
    match output.is_json() || output.is_narrowed() {
        true => output.show(&json!({ name.as_str(): name.of(settings) }), &SHAPE),
        false => {
            let text = match name {
                Name::DefaultPolicy | Name::Intercept => {
                    name.of(settings).as_str().unwrap_or_default().to_owned()
                }
                Name::PassthroughHosts => settings.passthrough_hosts.join(","),
                Name::AllowPrivate => settings.allow_private.join(","),
                Name::AuditRetentionDays => settings.audit_retention_days.to_string(),
            };
            output::print(&format!("{text}\n"))
        }
    }
}

impl Name {
    const ALL: [Self; 5] = [
        Self::DefaultPolicy,
        Self::Intercept,
        Self::PassthroughHosts,
        Self::AllowPrivate,
        Self::AuditRetentionDays,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::DefaultPolicy => "defaultPolicy",
            Self::Intercept => "intercept",
            Self::PassthroughHosts => "passthroughHosts",
            Self::AllowPrivate => "allowPrivate",
            Self::AuditRetentionDays => "auditRetentionDays",
        }
    }

    /// Reads a name as it is in the API, as a flag or as a variable.
    fn parse(text: &str) -> Result<Self, String> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        let wanted = plain(text.trim_start_matches("ONECLI_").trim_start_matches("--"));
        Self::ALL.into_iter().find(|name| plain(name.as_str()) == wanted).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("there are {names}; all else is set where the daemon is started (`onecli start --help`)")
        })
    }

    fn of(self, settings: &Settings) -> Value {
        match self {
            Self::DefaultPolicy => json!(settings.default_policy),
            Self::Intercept => json!(settings.intercept),
            Self::PassthroughHosts => json!(settings.passthrough_hosts),
            Self::AllowPrivate => json!(settings.allow_private),
            Self::AuditRetentionDays => json!(settings.audit_retention_days),
        }
    }

    fn change(self, value: &str) -> Result<UpdateSettings, UsageError> {
        let mut changes = UpdateSettings::default();
        match self {
            Self::DefaultPolicy => {
                changes.default_policy = Some(one_of("defaultPolicy", POLICIES, value)?);
            }
            Self::Intercept => changes.intercept = Some(one_of("intercept", INTERCEPTS, value)?),
            Self::PassthroughHosts => changes.passthrough_hosts = Some(list(value)),
            Self::AllowPrivate => changes.allow_private = Some(list(value)),
            Self::AuditRetentionDays => {
                let days = value.trim().parse().map_err(|_| {
                    UsageError(format!(
                        "auditRetentionDays is a number of days such as 90, not `{}`",
                        value.escape_debug()
                    ))
                })?;
                changes.audit_retention_days = Some(days);
            }
        }
        Ok(changes)
    }
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

fn one_of<T: DeserializeOwned>(setting: &str, names: &[&str], value: &str) -> Result<T, UsageError> {
    serde_json::from_value(value.into()).map_err(|_| {
        UsageError(format!("{setting} is {}, not `{}`", names.join(" or "), value.escape_debug()))
    })
}

#[cfg(test)]
mod tests {
    use onecli_sdk::types::{DefaultPolicy, UpdateSettings};

    use super::Name;

    #[test]
    fn names_as_people_write_them() {
        for text in ["defaultPolicy", "default-policy", "--default-policy", "ONECLI_DEFAULT_POLICY"] {
            assert_eq!(Name::parse(text), Ok(Name::DefaultPolicy), "{text}");
        }
        assert!(Name::parse("dataDir").is_err());
    }

    #[test]
    fn values_are_read_or_refused() {
        let deny = UpdateSettings { default_policy: Some(DefaultPolicy::Deny), ..UpdateSettings::default() };
        assert_eq!(Name::DefaultPolicy.change("deny").unwrap(), deny);
        assert!(Name::DefaultPolicy.change("Deny").is_err());
        assert!(Name::AuditRetentionDays.change("-1").is_err());
        assert_eq!(Name::AllowPrivate.change("").unwrap().allow_private, Some(Vec::new()));
        let two = Name::AllowPrivate.change("10.0.0.0/8, a:1").unwrap();
        assert_eq!(two.allow_private.unwrap(), ["10.0.0.0/8", "a:1"]);
    }
}
