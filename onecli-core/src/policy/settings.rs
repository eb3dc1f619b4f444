//! Settings of the policy, between their stored and their typed form.

use crate::{
    model::{AllowPrivate, DefaultPolicy, HostPattern, Intercept, PolicySettings},
    store::{SettingRow, StoreError},
};

/// The names under which settings are stored, as in the API.
pub mod name {
    /// What happens to a request that no rule matches.
    pub const DEFAULT_POLICY: &str = "defaultPolicy";
    /// Which TLS connections are looked into.
    pub const INTERCEPT: &str = "intercept";
    /// Hosts whose connections are never looked into.
    pub const PASSTHROUGH_HOSTS: &str = "passthroughHosts";
    /// Which private destinations are open.
    pub const ALLOW_PRIVATE: &str = "allowPrivate";
    /// For how many days audit events are kept.
    pub const AUDIT_RETENTION_DAYS: &str = "auditRetentionDays";
}

impl PolicySettings {
    /// Reads the settings of a store; what was never set has its default.
    ///
    /// # Errors
    /// If one can't be read: a setting that is ignored would loosen the policy.
    pub fn from_rows(rows: &[SettingRow]) -> Result<Self, StoreError> {
        let mut settings = Self::default();
        for row in rows {
            settings.read(row).map_err(|detail| StoreError::Corrupt {
                what: "setting",
                detail: format!("{}: {detail}", row.name),
            })?;
        }
        Ok(settings)
    }

    /// The value of a setting as JSON, as it is stored.
    #[must_use]
    pub fn stored_value(&self, setting: &str) -> Option<String> {
        let value = match setting {
            name::DEFAULT_POLICY => serde_json::to_value(self.default_policy).ok()?,
            name::INTERCEPT => serde_json::to_value(self.intercept).ok()?,
            name::PASSTHROUGH_HOSTS => self.passthrough_hosts.iter().map(ToString::to_string).collect(),
            name::ALLOW_PRIVATE => self.allow_private.iter().map(ToString::to_string).collect(),
            name::AUDIT_RETENTION_DAYS => self.audit_retention_days.into(),
            _ => return None,
        };
        Some(value.to_string())
    }

    fn read(&mut self, row: &SettingRow) -> Result<(), String> {
        let unreadable = |error: serde_json::Error| error.to_string();
        match row.name.as_str() {
            name::DEFAULT_POLICY => {
                self.default_policy =
                    serde_json::from_str::<DefaultPolicy>(&row.value).map_err(unreadable)?;
            }
            name::INTERCEPT => {
                self.intercept = serde_json::from_str::<Intercept>(&row.value).map_err(unreadable)?;
            }
            name::PASSTHROUGH_HOSTS => {
                let texts: Vec<String> = serde_json::from_str(&row.value).map_err(unreadable)?;
                let hosts = texts.iter().map(|text| text.parse::<HostPattern>());
                self.passthrough_hosts =
                    hosts.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            }
            name::ALLOW_PRIVATE => {
                let texts: Vec<String> = serde_json::from_str(&row.value).map_err(unreadable)?;
                let entries = texts.iter().map(|text| text.parse::<AllowPrivate>());
                self.allow_private = entries.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            }
            name::AUDIT_RETENTION_DAYS => {
                self.audit_retention_days = serde_json::from_str(&row.value).map_err(unreadable)?;
            }
            _ => return Err("this version does not know it; update OneCLI".into()),
        }
        Ok(())
    }
}
