//! Brings finished events from the journal into the store.

use std::{io, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    frame::Record,
    recorder::Recorder,
    segment::{self, Position, SegmentReader},
};
use crate::{
    model::AuditEvent,
    store::{AuditStore, StoreError},
};

/// Events are gathered for this long, so that one transaction takes many.
const GATHER: Duration = Duration::from_millis(150);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why events are not in the store yet. They stay in the journal.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum DrainError {
    #[error("the audit journal can't be read")]
    Journal(#[from] io::Error),
    #[error("the store does not take audit events; they are kept in the journal")]
    Store(#[from] StoreError),
    #[error("the drain has not caught up in time")]
    Behind,
}

impl Recorder {
    /// Brings events into the store until `stop`; then those that are left, once.
    pub async fn drain(&self, store: &(impl AuditStore + ?Sized), stop: CancellationToken) {
        let mut at = Cursor::default();
        let mut retry = FIRST_RETRY;
        loop {
            // Looked at before, so that what finished until then is drained once more.
            let is_last = stop.is_cancelled();
            let pause = match self.drain_once(store, &mut at).await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    None
                }
                Err(error) => {
                    tracing::warn!(error = %crate::error_chain(&error), "audit events wait in the journal");
                    retry = (retry * 2).min(LAST_RETRY);
                    Some(retry)
                }
            };
            if is_last {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.drain_now.notified() => {}
                () = self.wait(pause) => {}
            }
        }
    }

    /// Waits until everything that has finished so far is in the store.
    ///
    /// # Errors
    /// If that takes longer than `patience`.
    pub async fn flush(&self, patience: Duration) -> Result<(), DrainError> {
        let goal = self.journal.written();
        let mut drained = self.drained.subscribe();
        self.drain_now.notify_one();
        let caught_up = drained.wait_for(|at| *at >= goal);
        match tokio::time::timeout(patience, caught_up).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(DrainError::Behind),
        }
    }

    async fn wait(&self, pause: Option<Duration>) {
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                self.journal.finished.notified().await;
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    async fn drain_once(
        &self, store: &(impl AuditStore + ?Sized), at: &mut Cursor,
    ) -> Result<(), DrainError> {
        loop {
            let end = self.journal.written();
            if at.reader.is_none() {
                let Some(oldest) = segment::list(self.journal.directory())?.into_iter().next() else {
                    return Ok(());
                };
                at.enter(self, oldest);
            }
            if at.pending.is_empty()
                && let Some((events, to)) = self.journal.finished_since(at.position())
            {
                (at.pending, at.behind) = (events, Some(to));
            }
            if let Some(to) = at.behind {
                store_events(store, &mut at.pending).await?;
                at.jump(self, to)?;
                self.drained.send_replace(to);
                // What comes meanwhile is gathered for the next transaction.
                return Ok(());
            }
            let Some(reader) = &mut at.reader else { return Ok(()) };
            if at.pending.is_empty() {
                let records = reader.read(at.segment < end.segment)?;
                at.exhausted = records.is_empty();
                let finished = records.into_iter().filter_map(|record| match record {
                    Record::Finish(event) => Some(event),
                    Record::Intent(_) => None,
                });
                at.pending = finished.collect();
            }
            store_events(store, &mut at.pending).await?;
            self.drained.send_replace(Position { segment: at.segment, offset: reader.offset() });
            if at.exhausted {
                // Segments before the one that was written to when `end` was read grow no more.
                if at.segment >= end.segment {
                    return Ok(());
                }
                // All of it is in the store, and its open intents stand in the segments behind it.
                reader.discard()?;
                at.reader = None;
            }
        }
    }
}

async fn store_events(
    store: &(impl AuditStore + ?Sized), pending: &mut Vec<AuditEvent>,
) -> Result<(), StoreError> {
    if !pending.is_empty() {
        store.insert_events(pending).await?;
        pending.clear();
    }
    Ok(())
}

/// Where a drain is.
#[derive(Debug, Default)]
struct Cursor {
    segment: segment::SegmentNumber,
    reader: Option<SegmentReader>,
    /// Read, but not in the store yet.
    pending: Vec<AuditEvent>,
    /// The end of what is pending, if it was not read from the journal but is still in memory.
    behind: Option<Position>,
    exhausted: bool,
}

impl Cursor {
    fn position(&self) -> Position {
        Position { segment: self.segment, offset: self.reader.as_ref().map_or(0, SegmentReader::offset) }
    }

    /// Goes on at `to`, without reading what is before it.
    fn jump(&mut self, recorder: &Recorder, to: Position) -> io::Result<()> {
        self.behind = None;
        self.exhausted = false;
        let directory = recorder.journal.directory();
        if self.segment < to.segment {
            if let Some(reader) = self.reader.take() {
                reader.discard()?;
            }
            for number in segment::list(directory)?.into_iter().filter(|number| *number < to.segment) {
                SegmentReader::new(segment::path(directory, number)).discard()?;
            }
            self.enter(recorder, to.segment);
        }
        if let Some(reader) = &mut self.reader {
            reader.skip_to(to.offset);
        }
        Ok(())
    }

    fn enter(&mut self, recorder: &Recorder, number: segment::SegmentNumber) {
        self.segment = number;
        self.reader = Some(SegmentReader::new(segment::path(recorder.journal.directory(), number)));
        self.exhausted = false;
    }
}
