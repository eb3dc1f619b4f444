//! Keeps the snapshot up to date with the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Snapshot;
use crate::store::{PolicyVersion, Store, StoreError};

/// The policy in force. Reading it takes no lock and asks no store.
#[derive(Debug)]
pub struct Policy {
    current: ArcSwapOption<Snapshot>,
    /// Set while the store has been away for so long that the snapshot must not be used.
    is_stale: AtomicBool,
    version: watch::Sender<PolicyVersion>,
}

/// There is no policy that may be used: the store has not answered since start, or not for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not answer, so that there is no policy that is up to date")]
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
/// How often it is looked whether the snapshot may still be used, and how long a store may be silent at least.
const TICK: Duration = Duration::from_secs(1);
const UNDETECTED: Duration = Duration::from_secs(3);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

impl Policy {
    /// No policy yet; [`Self::follow`] brings it.
    #[must_use]
    pub fn empty() -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwapOption::empty(),
            is_stale: AtomicBool::new(false),
            version: watch::Sender::default(),
        })
    }

    /// The policy of this moment.
    ///
    /// # Errors
    /// If there is none yet, or the store has been away for too long.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, NoSnapshot> {
        match self.is_stale.load(Ordering::Relaxed) {
            true => Err(NoSnapshot),
            false => self.current.load_full().ok_or(NoSnapshot),
        }
    }

    /// Reads the policy from the store and puts it in force.
    ///
    /// # Errors
    /// If it can't be read or compiled; the one from before stays in force.
    pub async fn refresh(&self, store: &(impl Store + ?Sized)) -> Result<(), StoreError> {
        self.put_in_force(Snapshot::compile(store.load_policy().await?)?);
        Ok(())
    }

    /// Reads what has changed, if that can be told, and else all of it.
    async fn catch_up(&self, store: &(impl Store + ?Sized)) -> Result<(), StoreError> {
        let Some(current) = self.current.load_full() else { return self.refresh(store).await };
        match store.load_changes(current.version()).await? {
            Some(delta) => self.put_in_force(current.with(delta)?),
            None => return self.refresh(store).await,
        }
        Ok(())
    }

    fn put_in_force(&self, snapshot: Snapshot) {
        let version = snapshot.version();
        self.current.store(Some(Arc::new(snapshot)));
        self.version.send_replace(version);
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

    /// Refreshes after each change until `stop`. While the store is away the policy from before stays in force, for `max_stale`.
    pub async fn follow(&self, store: Arc<dyn Store>, max_stale: Duration, stop: CancellationToken) {
        let mut changes = store.changes();
        let mut retry = FIRST_RETRY;
        // What was read last is as of this moment.
        let mut read = Instant::now();
        let mut whole_at = tokio::time::Instant::now();
        let mut has_changed = false;
        loop {
            changes.mark_unchanged();
            let begun = Instant::now();
            let is_whole = !std::mem::take(&mut has_changed) || tokio::time::Instant::now() >= whole_at;
            let refreshed = {
                let reading = async {
                    match is_whole {
                        true => self.refresh(&*store).await,
                        false => self.catch_up(&*store).await,
                    }
                };
                tokio::pin!(reading);
                loop {
                    // A store that does not answer is silent meanwhile.
                    tokio::select! {
                        refreshed = &mut reading => break refreshed,
                        () = tokio::time::sleep(TICK) => self.note_silence(read.elapsed(), max_stale),
                        () = stop.cancelled() => return,
                    }
                }
            };
            let next = match &refreshed {
                Ok(()) => {
                    (retry, read) = (FIRST_RETRY, begun);
                    if is_whole {
                        whole_at = tokio::time::Instant::now() + REREAD;
                    }
                    whole_at
                }
                Err(error) => {
                    tracing::error!(error = %crate::error_chain(error), "the policy can't be read; the one from before stays in force");
                    retry = (retry * 2).min(LAST_RETRY);
                    tokio::time::Instant::now() + retry
                }
            };
            loop {
                let sure = match refreshed {
                    // Whatever was read is as good as what was heard.
                    Ok(()) => store.confirmed().map_or_else(Instant::now, |confirmed| confirmed.max(read)),
                    Err(_) => read,
                };
                self.note_silence(sure.elapsed(), max_stale);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(TICK) => {}
                    () = tokio::time::sleep_until(next) => break,
                    changed = changes.changed() => match changed {
                        Ok(()) => {
                            has_changed = true;
                            break;
                        }
                        Err(_) => return,
                    },
                }
            }
        }
    }

    /// The store has not been heard of for so long.
    fn note_silence(&self, silent: Duration, max_stale: Duration) {
        let is_stale = silent > max_stale.max(UNDETECTED);
        match (self.is_stale.swap(is_stale, Ordering::Relaxed), is_stale) {
            (false, true) => tracing::error!(
                "the store has been away for {} s: requests are refused until it is back (ONECLI_MAX_STALE_SECONDS)",
                silent.as_secs()
            ),
            (true, false) => tracing::info!("the store is back: requests are served again"),
            _ => {}
        }
    }
}
