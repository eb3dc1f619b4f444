//! The settings of the policy: changed by people, and set from variables at first start.

use super::{Admin, AdminError};
use crate::{
    model::{AllowPrivate, DefaultPolicy, HostPattern, Intercept, PolicySettings},
    policy::settings::name,
    store::SettingRow,
};

/// What to change of the settings; what is absent is kept.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// What happens to a request that no rule matches.
    pub default_policy: Option<DefaultPolicy>,
    /// Which TLS connections are looked into.
    pub intercept: Option<Intercept>,
    /// Host patterns whose connections are never looked into.
    pub passthrough_hosts: Option<Vec<String>>,
    /// Networks and hosts that may be private or loopback.
    pub allow_private: Option<Vec<String>>,
    /// For how many days audit events are kept.
    pub audit_retention_days: Option<u32>,
}

/// A variable that is the value of a setting at first start.
#[derive(Clone, Copy, Debug)]
pub struct Variable<'a> {
    /// The setting's name, as in the API.
    pub setting: &'static str,
    /// The variable's name.
    pub name: &'static str,
    /// Its text, if it is set.
    pub text: Option<&'a str>,
}

const LONGEST_RETENTION: u32 = 36_500;

impl Admin {
    /// The settings.
    ///
    /// # Errors
    /// If the store fails or one can't be read.
    pub async fn settings(&self) -> Result<PolicySettings, AdminError> {
        Ok(PolicySettings::from_rows(&self.store.list_settings().await?)?)
    }

    /// Changes settings; from now on they win over their variables.
    ///
    /// # Errors
    /// If one is invalid; none is changed then.
    pub async fn change_settings(&self, change: SettingsChange) -> Result<PolicySettings, AdminError> {
        let _writing = self.begin_write().await;
        let rows = self.store.list_settings().await?;
        let mut settings = PolicySettings::from_rows(&rows)?;
        let mut names = Vec::new();
        if let Some(policy) = change.default_policy {
            settings.default_policy = policy;
            names.push(name::DEFAULT_POLICY);
        }
        if let Some(intercept) = change.intercept {
            settings.intercept = intercept;
            names.push(name::INTERCEPT);
        }
        if let Some(hosts) = &change.passthrough_hosts {
            let parsed = hosts.iter().map(|text| text.trim().parse::<HostPattern>());
            settings.passthrough_hosts = parsed.collect::<Result<_, _>>()?;
            names.push(name::PASSTHROUGH_HOSTS);
        }
        if let Some(entries) = &change.allow_private {
            let parsed = entries.iter().map(|text| text.trim().parse::<AllowPrivate>());
            settings.allow_private = parsed.collect::<Result<_, _>>()?;
            names.push(name::ALLOW_PRIVATE);
        }
        if let Some(days) = change.audit_retention_days {
            settings.audit_retention_days = check_retention(days)?;
            names.push(name::AUDIT_RETENTION_DAYS);
        }
        let changed: Vec<SettingRow> = names
            .into_iter()
            .filter_map(|setting| {
                let variable =
                    rows.iter().find(|row| row.name == setting).and_then(|row| row.variable.clone());
                let value = settings.stored_value(setting)?;
                Some(SettingRow { name: setting.to_owned(), value, variable, changed: true })
            })
            .collect();
        if !changed.is_empty() {
            let version = self.store.put_settings(&changed).await?;
            self.in_force(version).await?;
        }
        Ok(settings)
    }

    /// Sets, at first start, what variables say (`given` has their parsed values), and keeps their texts. Later a setting
    /// that a person changed wins over its variable. For the start: does not wait until it is in force.
    ///
    /// # Errors
    /// If a variable has changed since and its setting was not; nothing is written then. All are told at once.
    pub async fn adopt_variables(
        &self, variables: &[Variable<'_>], given: &PolicySettings,
    ) -> Result<(), AdminError> {
        let rows = self.store.list_settings().await?;
        let mut adopted = Vec::new();
        let mut faults = Vec::new();
        for variable in variables {
            let Some(value) = given.stored_value(variable.setting) else { continue };
            let text = variable.text.unwrap_or_default().to_owned();
            let row =
                SettingRow { name: variable.setting.to_owned(), value, variable: Some(text), changed: false };
            match rows.iter().find(|kept| kept.name == row.name) {
                None => adopted.push(row),
                Some(kept) if kept.value == row.value => {}
                Some(kept) if kept.changed => {
                    if variable.text.is_some() {
                        tracing::info!(
                            setting = variable.setting, variable = variable.name, value = %kept.value,
                            "the setting was changed since the first start and wins over its variable"
                        );
                    }
                }
                Some(kept) if kept.variable == row.variable => {}
                Some(kept) => faults.push(changed_since(variable, kept)),
            }
        }
        if !faults.is_empty() {
            return Err(AdminError::Conflict(faults.join("\n")));
        }
        if !adopted.is_empty() {
            self.store.put_settings(&adopted).await?;
        }
        Ok(())
    }
}

fn check_retention(days: u32) -> Result<u32, AdminError> {
    match (1..=LONGEST_RETENTION).contains(&days) {
        true => Ok(days),
        false => {
            Err(AdminError::refused("auditRetentionDays is a number of days from 1 to 36500, such as 90"))
        }
    }
}

fn changed_since(variable: &Variable<'_>, kept: &SettingRow) -> String {
    let said = |text: &str| match text {
        "" => "not set".to_owned(),
        text => format!("`{text}`"),
    };
    format!(
        "{} is {} but was {} at first start, and the setting {} is still {}. A variable counts at first start only: \
         put it back as it was, start, and change the setting by PATCH /v1/settings (`onecli config set {} …`)",
        variable.name,
        said(variable.text.unwrap_or_default()),
        said(kept.variable.as_deref().unwrap_or_default()),
        variable.setting,
        kept.value,
        variable.setting,
    )
}
