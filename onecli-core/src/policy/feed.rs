//! Keeps the snapshot up to date with the store.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Snapshot;
use crate::store::{PolicyVersion, Store, StoreError};

/// The policy in force. Reading it takes no lock and asks no store.
#[derive(Debug)]
pub struct Policy {
    current: ArcSwapOption<Snapshot>,
    version: watch::Sender<PolicyVersion>,
}

/// There is no policy yet: the store has not answered since start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store has not answered since start")]
pub struct NoSnapshot;

/// Why a written policy is not in force.
#[derive(Debug, thiserror::Error)]
#[error(
    "the change is stored, but the gateway could not read it back in time; it keeps the policy from before"
)]
pub struct PolicyError;

/// How long a write waits for its own snapshot.
const PATIENCE: Duration = Duration::from_secs(10);
/// Everything is read again after this time, in case a change was not heard of.
const REREAD: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

impl Policy {
    /// No policy yet; [`Self::follow`] brings it.
    #[must_use]
    pub fn empty() -> Arc<Self> {
        Arc::new(Self { current: ArcSwapOption::empty(), version: watch::Sender::default() })
    }

    /// The policy of this moment.
    ///
    /// # Errors
    /// If there is none yet.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, NoSnapshot> {
        self.current.load_full().ok_or(NoSnapshot)
    }

    /// Reads the policy from the store and puts it in force.
    ///
    /// # Errors
    /// If it can't be read or compiled; the one from before stays in force.
    pub async fn refresh(&self, store: &(impl Store + ?Sized)) -> Result<(), StoreError> {
        let snapshot = Snapshot::compile(store.load_policy().await?)?;
        let version = snapshot.version();
        self.current.store(Some(Arc::new(snapshot)));
        self.version.send_replace(version);
        Ok(())
    }

    /// Tells of each policy that comes in force.
    #[must_use]
    pub fn versions(&self) -> watch::Receiver<PolicyVersion> {
        self.version.subscribe()
    }

    /// Waits until a change is in force here.
    ///
    /// # Errors
    /// If that takes longer than ten seconds.
    pub async fn wait_for(&self, version: PolicyVersion) -> Result<(), PolicyError> {
        let mut versions = self.version.subscribe();
        let in_force = versions.wait_for(|current| *current >= version);
        match tokio::time::timeout(PATIENCE, in_force).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(PolicyError),
        }
    }

    /// Refreshes after each change until `stop`.
    pub async fn follow(&self, store: Arc<dyn Store>, stop: CancellationToken) {
        let mut changes = store.changes();
        let mut retry = FIRST_RETRY;
        loop {
            changes.mark_unchanged();
            let pause = match self.refresh(&*store).await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    REREAD
                }
                Err(error) => {
                    tracing::error!(error = %crate::error_chain(&error), "the policy can't be read; the one from before stays in force");
                    retry = (retry * 2).min(LAST_RETRY);
                    retry
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}
