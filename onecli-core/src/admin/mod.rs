//! Managing agents, secrets, rules and settings, for the daemon and for embedders.
//!
//! Each write is checked, stored, and in force in this process's gateway when the call returns.

mod agent_warnings;
mod agents;
mod error;
mod names;
mod rules;
mod secrets;
mod settings;

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

pub use agents::{AgentChange, NewAgent};
pub use error::AdminError;
pub use rules::{NewRule, RuleChange};
pub use secrets::{ListedSecret, NewSecret, SecretChange};
pub use settings::{SettingsChange, Variable};

use crate::{
    policy::Policy,
    store::{PolicyVersion, Store},
    vault::Vault,
};

/// Manages what the policy consists of.
pub struct Admin {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    policy: Arc<Policy>,
    /// Held from reading a row to writing it back, so that of two changes at once none is lost.
    writing: Mutex<()>,
}

impl Admin {
    /// Manages `store`. `policy` is the one in force here, as the gateway's handle gives it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, vault: Arc<Vault>, policy: Arc<Policy>) -> Self {
        Self { store, vault, policy, writing: Mutex::new(()) }
    }

    async fn begin_write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    async fn in_force(&self, version: PolicyVersion) -> Result<(), AdminError> {
        Ok(self.policy.wait_for(version).await?)
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
