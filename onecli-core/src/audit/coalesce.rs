//! Merging of equal denials, so that a flood can't drown the log.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::model::{AgentId, AuditEvent, Decision, RuleId};

/// Equal denials of one agent that get an event each, per second; the rest of that second shares one.
const SINGLE_PER_SECOND: u64 = 100;
/// No more groups than this are kept apart at once; past it, the oldest are closed early.
const MOST_GROUPS: usize = 10_000;

/// Merges events into groups. A group's event is kept from its first member on, and its count grows.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    groups: HashMap<Key, Group>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// Attempts without a valid token: one event per source and minute.
    NoToken { source: Option<String>, minute: i64 },
    /// Denials of one agent that are equal, within a second.
    Denied {
        agent: AgentId,
        decision: Decision,
        status: Option<u16>,
        rule: Option<RuleId>,
        host: Option<String>,
        second: i64,
    },
}

#[derive(Debug)]
struct Group {
    members: u64,
    /// The event in which members are merged, once there is one.
    merged: Option<AuditEvent>,
    unwritten: bool,
}

impl Coalescer {
    /// Takes an event that has ended. Gives back what is to be written now, if anything.
    pub(super) fn take(&mut self, event: AuditEvent) -> Option<AuditEvent> {
        let Some((key, singles)) = Key::of(&event) else { return Some(event) };
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            return Some(event);
        }
        let group = self.groups.entry(key).or_insert(Group { members: 0, merged: None, unwritten: false });
        group.members += 1;
        if group.members <= singles {
            return Some(event);
        }
        match &mut group.merged {
            Some(merged) => {
                merged.count += 1;
                group.unwritten = true;
                None
            }
            None => {
                group.merged = Some(event.clone());
                Some(event)
            }
        }
    }

    /// The merged events whose count has grown since they were written. Groups whose time is over are forgotten.
    pub(super) fn grown(&mut self, now: OffsetDateTime) -> Vec<AuditEvent> {
        let events = self
            .groups
            .values_mut()
            .filter_map(|group| std::mem::take(&mut group.unwritten).then(|| group.merged.clone()).flatten())
            .collect();
        self.groups.retain(|key, _| !key.is_over(now));
        events
    }
}

impl Key {
    /// The group of an event, and how many of its members get an event of their own. None if it is never merged.
    fn of(event: &AuditEvent) -> Option<(Self, u64)> {
        let second = event.at.unix_timestamp();
        match (event.decision, event.agent_id) {
            (Decision::Refused, None) => {
                Some((Self::NoToken { source: event.source.clone(), minute: second.div_euclid(60) }, 0))
            }
            (Decision::Refused | Decision::Blocked | Decision::RateLimited, Some(agent)) => Some((
                Self::Denied {
                    agent,
                    decision: event.decision,
                    status: event.status,
                    rule: event.rule_id,
                    host: event.host.clone(),
                    second,
                },
                SINGLE_PER_SECOND,
            )),
            _ => None,
        }
    }

    fn is_over(&self, now: OffsetDateTime) -> bool {
        let now = now.unix_timestamp();
        match self {
            Self::NoToken { minute, .. } => now.div_euclid(60) > *minute,
            Self::Denied { second, .. } => now > *second,
        }
    }
}
