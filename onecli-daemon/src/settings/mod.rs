//! The daemon's settings: flags over environment variables, all checked before anything starts.

mod environment;
mod flags;
mod gateway;
mod limits;
mod log;
mod policy;
mod serving;
mod source;
mod storage;
mod tls_files;

use std::fmt;

pub use environment::Environment;
pub use flags::Flags;
pub use gateway::{GatewayAddresses, GatewaySettings};
pub use limits::LimitSettings;
pub use log::{LogFormat, LogSettings};
pub use policy::PolicyVariables;
pub use serving::ServingSettings;
pub use storage::StorageSettings;
pub use tls_files::TlsFiles;
pub(crate) use tls_files::{certificates, private_key};

use source::Source;

/// Everything that can be set before the start.
#[derive(Debug)]
pub struct Settings {
    /// Where things are kept, and under which key.
    pub storage: StorageSettings,
    /// The gateway.
    pub gateway: GatewaySettings,
    /// How much, and how long, agents and services may take.
    pub limits: LimitSettings,
    /// The API and the dashboard.
    pub serving: ServingSettings,
    /// The values that policy settings have at first start.
    pub policy: PolicyVariables,
    /// Logging.
    pub log: LogSettings,
    /// Variables that begin with `ONECLI_` and mean nothing.
    pub unknown: Vec<String>,
}

/// Settings that do not parse: all of them, each with its name, its fault and an example.
#[derive(Debug, thiserror::Error)]
pub struct InvalidSettings(Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Settings {
    /// Reads the settings; a flag goes before its variable.
    ///
    /// # Errors
    /// If any of them does not parse; all are told at once.
    pub fn read(flags: &Flags, environment: &Environment) -> Result<Self, InvalidSettings> {
        let mut source = Source::new(flags, environment);
        let storage = StorageSettings::read(&mut source);
        let gateway = GatewaySettings::read(&mut source);
        let limits = LimitSettings::read(&mut source);
        let serving = ServingSettings::read(&mut source);
        let policy = PolicyVariables::read(&mut source);
        let log = LogSettings::read(&mut source);
        let unknown = environment.unknown();
        match (storage, gateway, serving, source.into_faults()) {
            (Some(storage), Some(gateway), Some(serving), faults) if faults.is_empty() => {
                Ok(Self { storage, gateway, limits, serving, policy, log, unknown })
            }
            (.., faults) => Err(InvalidSettings(faults)),
        }
    }
}

#[cfg(test)]
mod tests;
