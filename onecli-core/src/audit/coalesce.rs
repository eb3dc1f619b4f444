//! Merging of equal denials, so that a flood can't drown the log.

use std::{collections::HashMap, sync::Arc};

use time::OffsetDateTime;

use crate::model::{AgentId, AuditEvent, Decision, RuleId};

/// Equal denials of one agent that get an event each, per second; the rest of that second shares one.
const SINGLE_PER_SECOND: u64 = 100;
/// Past so many different denials of one agent in a second they count as equal: an agent can make up hosts without end.
const DIFFERENT_PER_SECOND: u64 = 50;

/// Past so many groups all further sources without a token share one: addresses of IPv6 are without end.
const MOST_GROUPS: usize = 1_000;

/// Merges events into groups. A group's event is kept from its first member on, and its count grows.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    groups: HashMap<Key, Group>,
    /// How many groups each agent has in a second.
    different: HashMap<(AgentId, i64), u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Attempts without a valid token: one event per source and minute.
    NoToken { source: Option<Arc<str>>, minute: i64 },
    /// Denials of one agent that are equal, within a second.
    Denied {
        agent: AgentId,
        decision: Decision,
        status: Option<u16>,
        rule: Option<RuleId>,
        host: Option<Arc<str>>,
        second: i64,
    },
    /// All others of its denials in that second that ended alike.
    Any { agent: AgentId, decision: Decision, second: i64 },
}

#[derive(Debug, Default)]
struct Group {
    members: u64,
    /// The event in which members are merged, once there is one.
    merged: Option<AuditEvent>,
    unwritten: bool,
}

impl Coalescer {
    /// Takes an event that has ended. Gives back what is to be written now, if anything.
    pub(super) fn take(&mut self, event: AuditEvent) -> Option<AuditEvent> {
        let Some((key, singles)) = self.group_of(&event) else { return Some(event) };
        let group = self.groups.entry(key).or_default();
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

    /// The merged events whose count has grown since they were written; they count as written now.
    pub(super) fn grown(&mut self) -> Vec<(Key, AuditEvent)> {
        let event_of = |(key, group): (&Key, &mut Group)| {
            let is_unwritten = std::mem::take(&mut group.unwritten);
            Some((key.clone(), group.merged.clone().filter(|_| is_unwritten)?))
        };
        self.groups.iter_mut().filter_map(event_of).collect()
    }

    /// Its event could not be written: it is given out again.
    pub(super) fn is_unwritten(&mut self, key: &Key) {
        if let Some(group) = self.groups.get_mut(key) {
            group.unwritten = true;
        }
    }

    /// Forgets groups whose time is over and whose event is written.
    pub(super) fn forget(&mut self, now: OffsetDateTime) {
        self.groups.retain(|key, group| group.unwritten || !key.is_over(now));
        self.different.retain(|(_, second), _| now.unix_timestamp() <= *second);
    }

    fn without_token(&self, source: Option<Arc<str>>, minute: i64) -> Key {
        let key = Key::NoToken { source, minute };
        match self.groups.contains_key(&key) || self.groups.len() < MOST_GROUPS {
            true => key,
            false => Key::NoToken { source: None, minute },
        }
    }

    /// The group of an event, and how many of its members get an event of their own. None if it is never merged.
    fn group_of(&mut self, event: &AuditEvent) -> Option<(Key, u64)> {
        let second = event.at.unix_timestamp();
        let agent = match (event.decision, event.agent_id) {
            (Decision::Refused, None) => {
                return Some((self.without_token(event.source.clone(), second.div_euclid(60)), 0));
            }
            (
                Decision::Refused | Decision::Blocked | Decision::RateLimited | Decision::Failed,
                Some(agent),
            ) => agent,
            _ => return None,
        };
        let key = Key::Denied {
            agent,
            decision: event.decision,
            status: event.status,
            rule: event.rule_id,
            host: event.host.clone(),
            second,
        };
        if self.groups.contains_key(&key) {
            return Some((key, SINGLE_PER_SECOND));
        }
        let different = self.different.entry((agent, second)).or_default();
        if *different >= DIFFERENT_PER_SECOND {
            return Some((Key::Any { agent, decision: event.decision, second }, SINGLE_PER_SECOND));
        }
        *different += 1;
        Some((key, SINGLE_PER_SECOND))
    }
}

impl Key {
    fn is_over(&self, now: OffsetDateTime) -> bool {
        let now = now.unix_timestamp();
        match self {
            Self::NoToken { minute, .. } => now.div_euclid(60) > *minute,
            Self::Denied { second, .. } | Self::Any { second, .. } => now > *second,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::Coalescer;
    use crate::{
        audit::{Fsync, Journal, Recorder, tests::event},
        model::{AgentId, AuditEvent, Decision},
    };

    fn denial(agent: AgentId, host: &str) -> AuditEvent {
        static ANY: std::sync::LazyLock<AuditEvent> = std::sync::LazyLock::new(|| {
            let directory = tempfile::tempdir().unwrap();
            event(&Recorder::new(Journal::open(directory.path(), Fsync::Group).unwrap(), "test".into()))
        });
        AuditEvent {
            at: OffsetDateTime::UNIX_EPOCH,
            decision: Decision::Failed,
            agent_id: Some(agent),
            host: Some(host.into()),
            ..ANY.clone()
        }
    }

    #[test]
    fn hosts_without_end_are_merged_too_and_nothing_is_lost() {
        let (mut coalescer, agent) = (Coalescer::default(), AgentId::generate());
        let written =
            (0..10_000).filter_map(|number| coalescer.take(denial(agent, &format!("h{number}.test"))));
        let written: u64 = written.map(|event| event.count).sum();
        let grown = coalescer.grown();
        assert!(written < 200 && grown.len() == 1, "{written} {}", grown.len());
        assert_eq!(written - 1 + grown[0].1.count, 10_000);
        // Another agent has its own events.
        assert!(coalescer.take(denial(AgentId::generate(), "h1.test")).is_some());
    }

    #[test]
    fn a_count_that_could_not_be_written_is_given_out_again() {
        let (mut coalescer, agent) = (Coalescer::default(), AgentId::generate());
        for _ in 0..200 {
            coalescer.take(denial(agent, "a.test"));
        }
        let (key, first) = coalescer.grown().remove(0);
        coalescer.is_unwritten(&key);
        let later = OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(5);
        coalescer.forget(later);
        assert_eq!(coalescer.grown()[0].1, first);
        coalescer.forget(later);
        assert!(coalescer.groups.is_empty() && coalescer.different.is_empty());
    }
}
