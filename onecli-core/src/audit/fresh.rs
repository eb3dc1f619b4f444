//! What was written to the journal lately, so that the drain need not read it back.

use super::{frame::Record, segment::Position};
use crate::model::AuditEvent;

/// So many events are kept; when the drain is further behind, it reads the journal.
const MOST: usize = 4_000;

/// The finished events between two places of the journal: all of them.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    from: Position,
    to: Position,
    events: Vec<AuditEvent>,
}

impl Fresh {
    /// Nothing yet, of a journal that is written up to here.
    pub(super) fn since(position: Position) -> Self {
        Self { from: position, to: position, events: Vec::new() }
    }

    /// A record was written, up to here.
    pub(super) fn note(&mut self, record: Record<&AuditEvent>, position: Position) {
        self.to = position;
        match record {
            Record::Finish(_) if self.events.len() == MOST => {
                self.events.clear();
                self.from = position;
            }
            Record::Finish(event) => self.events.push(event.clone()),
            Record::Intent(_) => {}
        }
    }

    /// Takes what has finished behind `position` or a little before, and up to where that is. None if it is not known here.
    pub(super) fn take(&mut self, position: Position) -> Option<(Vec<AuditEvent>, Position)> {
        if position < self.from || position >= self.to {
            return None;
        }
        self.from = self.to;
        Some((std::mem::take(&mut self.events), self.to))
    }
}
