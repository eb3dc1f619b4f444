//! The values that policy settings have at first start.

use onecli_core::{
    admin::Variable,
    model::{AllowPrivate, DefaultPolicy, HostPattern, Intercept, PolicySettings},
    policy::settings::name,
};

use super::Source;

/// The values that policy settings have at first start, and the texts that they were read from.
#[derive(Clone, Debug)]
pub struct PolicyVariables {
    /// The values; the default where there is no variable.
    pub given: PolicySettings,
    texts: [Option<String>; 5],
}

const VARIABLES: [(&str, &str); 5] = [
    (name::INTERCEPT, "ONECLI_INTERCEPT"),
    (name::PASSTHROUGH_HOSTS, "ONECLI_PASSTHROUGH_HOSTS"),
    (name::DEFAULT_POLICY, "ONECLI_DEFAULT_POLICY"),
    (name::ALLOW_PRIVATE, "ONECLI_ALLOW_PRIVATE"),
    (name::AUDIT_RETENTION_DAYS, "ONECLI_AUDIT_RETENTION_DAYS"),
];

impl PolicyVariables {
    pub(super) fn read(source: &mut Source<'_>) -> Self {
        let defaults = PolicySettings::default();
        let default_policy = source.parsed("ONECLI_DEFAULT_POLICY", "allow or deny", |text| match text {
            "allow" => Ok(DefaultPolicy::Allow),
            "deny" => Ok(DefaultPolicy::Deny),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        let intercept = source.parsed("ONECLI_INTERCEPT", "all or matched", |text| match text {
            "all" => Ok(Intercept::All),
            "matched" => Ok(Intercept::Matched),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        let passthrough_hosts = source.list(
            "ONECLI_PASSTHROUGH_HOSTS",
            "pinned.example.com,*.bank.example",
            str::parse::<HostPattern>,
        );
        let allow_private =
            source.list("ONECLI_ALLOW_PRIVATE", "10.0.0.0/8,build.internal:8443", str::parse::<AllowPrivate>);
        let days = source.parsed("ONECLI_AUDIT_RETENTION_DAYS", "90", |text| match text.parse::<u32>() {
            Ok(days) if (1..=36_500).contains(&days) => Ok(days),
            _ => Err(format!("`{}` is not a number of days from 1 to 36500", text.escape_debug())),
        });
        Self {
            given: PolicySettings {
                default_policy: default_policy.unwrap_or(defaults.default_policy),
                intercept: intercept.unwrap_or(defaults.intercept),
                passthrough_hosts,
                allow_private,
                audit_retention_days: days.unwrap_or(defaults.audit_retention_days),
            },
            texts: VARIABLES.map(|(_, variable)| source.text(variable).map(str::to_owned)),
        }
    }

    /// The variables, set or not.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable<'_>> {
        let texts = self.texts.iter().map(Option::as_deref);
        VARIABLES.iter().zip(texts).map(|(&(setting, name), text)| Variable { setting, name, text }).collect()
    }
}
