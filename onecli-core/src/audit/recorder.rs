//! Takes what tickets say and brings it into the journal.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    coalesce::Coalescer,
    frame::Record,
    journal::{Journal, JournalError},
    segment::Position,
};
use crate::{clock, model::AuditEvent};

pub use super::drain::DrainError;

/// Writes events to the journal; its [drain](Self::drain) brings them into the store.
#[derive(Debug)]
pub struct Recorder {
    pub(super) journal: Journal,
    gateway: Arc<str>,
    on_failure: JournalFailure,
    /// Records that could not be written, and were not waited for.
    lost: AtomicU64,
    coalescer: Mutex<Coalescer>,
    /// Set when the process ends while exchanges are open: those are `interrupted`, their clients have not left.
    stopping: AtomicBool,
    pub(super) drained: watch::Sender<Position>,
    pub(super) drain_now: Notify,
}

/// What becomes of requests while events can't be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalFailure {
    /// They are refused: nothing happens that is not recorded.
    #[default]
    Refuse,
    /// They are served; their events are lost, and the log says so.
    Continue,
}

/// Of so many records that are lost one is told of.
const BETWEEN_COMPLAINTS: u64 = 1_000;

/// Records are durable against power loss, and merged counts written, this often.
const TICK: Duration = Duration::from_millis(100);

impl Recorder {
    /// Records into `journal`, for the gateway of that name.
    #[must_use]
    pub fn new(journal: Journal, gateway: String) -> Arc<Self> {
        Arc::new(Self {
            journal,
            gateway: gateway.into(),
            on_failure: JournalFailure::default(),
            lost: AtomicU64::new(0),
            coalescer: Mutex::default(),
            stopping: AtomicBool::new(false),
            drained: watch::Sender::default(),
            drain_now: Notify::new(),
        })
    }

    pub(super) fn gateway(&self) -> Arc<str> {
        Arc::clone(&self.gateway)
    }

    /// What becomes of requests whose events can't be written.
    #[must_use]
    pub fn on_failure(mut self: Arc<Self>, failure: JournalFailure) -> Arc<Self> {
        if let Some(recorder) = Arc::get_mut(&mut self) {
            recorder.on_failure = failure;
        }
        self
    }

    fn append(&self, record: Record<&AuditEvent>) -> Result<(), JournalError> {
        match (self.journal.append(record), self.on_failure) {
            (Err(error), JournalFailure::Continue) => {
                let lost = self.lost.fetch_add(1, Ordering::Relaxed);
                if lost.is_multiple_of(BETWEEN_COMPLAINTS) {
                    tracing::error!(
                        error = %crate::error_chain(&error), records = lost + 1,
                        "audit records can't be written and are lost; requests are served all the same (ONECLI_JOURNAL_FAILURE)"
                    );
                }
                Ok(())
            }
            (written, _) => written,
        }
    }

    pub(super) fn intent(&self, event: &AuditEvent) -> Result<(), JournalError> {
        self.append(Record::Intent(event))
    }

    /// Writes how an exchange ended. One that has an intent in the journal is never merged with others: it would stay open.
    pub(super) fn finish(&self, event: AuditEvent, has_intent: bool) -> Result<(), JournalError> {
        let due = if has_intent { Some(event) } else { self.coalescer().take(event) };
        due.map_or(Ok(()), |event| self.append(Record::Finish(&event)))
    }

    /// From now on exchanges that end without an outcome were interrupted by this process's end.
    pub fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Makes the journal durable and writes merged counts, until `stop`; then once more.
    pub async fn tick(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let stopped = tokio::time::timeout(TICK, stop.cancelled()).await.is_ok();
            let recorder = Arc::clone(&self);
            let ticked = tokio::task::spawn_blocking(move || recorder.tick_once()).await;
            if let Ok(Err(error)) = ticked {
                tracing::error!(error = %crate::error_chain(&error), "the audit journal can't be written");
            }
            if stopped {
                return;
            }
        }
    }

    fn tick_once(&self) -> Result<(), JournalError> {
        let grown = self.coalescer().grown();
        let mut failure = Ok(());
        for (key, event) in grown {
            // Each of them is given out again; one that fails keeps no other back.
            if let Err(error) = self.journal.append(Record::Finish(&event)) {
                self.coalescer().is_unwritten(&key);
                failure = Err(error);
            }
        }
        self.coalescer().forget(clock::now());
        if let Err(error) = self.journal.sync() {
            tracing::error!(%error, "the audit journal can't be made durable");
        }
        failure
    }

    fn coalescer(&self) -> MutexGuard<'_, Coalescer> {
        self.coalescer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
