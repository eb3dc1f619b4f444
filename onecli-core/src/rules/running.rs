//! What is running, and its being judged again when the policy changes.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use http::{HeaderMap, Method};
use tokio_util::sync::CancellationToken;

use super::{Facts, RuleEngine, Verdict, tunnels};
use crate::{
    audit::Ticket,
    clock,
    exchange::{Exchange, Received},
    model::{Host, Rule},
    policy::{PolicyAgent, Snapshot},
    refusal::Cause,
    target::Target,
};

/// Tokens that expire are noticed this often; what was revoked has so long to end by itself.
const TICK: Duration = Duration::from_millis(250);

/// After so many have been looked at, others get their turn.
const BETWEEN_YIELDS: usize = 64;

/// The exchanges and tunnels that are on their way.
#[derive(Debug, Default)]
pub(super) struct Running {
    entries: Mutex<HashMap<u64, Arc<Entry>>>,
    next: AtomicU64,
}

/// Something that is on its way, as its agent sent it: before a secret was put in.
struct Entry {
    agent: Arc<PolicyAgent>,
    what: What,
    /// Ends the connection, for a client that does not take what is sent to it.
    closer: CancellationToken,
    revoked: OnceLock<(Revocation, Instant)>,
    waker: AtomicWaker,
}

enum What {
    Request {
        method: Method,
        target: Target,
        headers: HeaderMap,
    },
    Tunnel {
        host: Host,
        port: u16,
    },
    /// A connection that is looked into: its requests are watched each by itself.
    Connection,
}

/// Why something that was permitted has to end.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// What it would be refused with now.
    pub cause: Cause,
    /// The rule that blocks it now, if one does.
    pub rule: Option<Arc<Rule>>,
}

/// Stands for something that is on its way, for as long as it is. Tells when its permit no longer holds.
pub struct Watch {
    running: Arc<Running>,
    number: u64,
    entry: Arc<Entry>,
}

impl Revocation {
    /// Notes the rule on the record of what has to end.
    pub(crate) fn note_on(&self, ticket: &mut Ticket) {
        if let Some(rule) = &self.rule {
            ticket.note_rule(rule);
        }
    }
}

impl Running {
    pub(super) fn watch_request(self: &Arc<Self>, exchange: &Exchange<Received>) -> Watch {
        let what = What::Request {
            method: exchange.head.method.clone(),
            target: exchange.target.clone(),
            headers: exchange.head.headers.clone(),
        };
        self.watch(Arc::clone(&exchange.agent), what, exchange.closer.clone())
    }

    pub(super) fn watch_tunnel(self: &Arc<Self>, agent: &Arc<PolicyAgent>, host: &Host, port: u16) -> Watch {
        self.watch(Arc::clone(agent), What::Tunnel { host: host.clone(), port }, CancellationToken::new())
    }

    fn watch_connection(self: &Arc<Self>, agent: &Arc<PolicyAgent>, closer: CancellationToken) -> Watch {
        self.watch(Arc::clone(agent), What::Connection, closer)
    }

    fn watch(self: &Arc<Self>, agent: Arc<PolicyAgent>, what: What, closer: CancellationToken) -> Watch {
        let (revoked, waker) = (OnceLock::new(), AtomicWaker::new());
        let entry = Arc::new(Entry { agent, what, closer, revoked, waker });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.entries().insert(number, Arc::clone(&entry));
        Watch { running: Arc::clone(self), number, entry }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What there is against it now. That tokens expire shows without a change; blocks come only with one.
    fn judge(&self, snapshot: &Snapshot, has_changed: bool) -> Option<Revocation> {
        let agent = snapshot.agent(&self.agent.token_hash).filter(|agent| agent.is_active(clock::now()));
        let Some(agent) = agent else {
            return Some(Revocation { cause: Cause::ProxyAuthRequired, rule: None });
        };
        match has_changed {
            true => self.judge_change(agent, snapshot),
            false => None,
        }
    }

    fn judge_change(&self, agent: &PolicyAgent, snapshot: &Snapshot) -> Option<Revocation> {
        if let Some(rule) = self.block(agent, snapshot) {
            return Some(Revocation { cause: Cause::blocked_by(&rule), rule: Some(rule) });
        }
        match &self.what {
            // What is to be looked into from now on can't go on unseen.
            What::Tunnel { host, port } => {
                tunnels::refusal(agent, host, *port, snapshot).map(|cause| Revocation { cause, rule: None })
            }
            What::Request { .. } | What::Connection => None,
        }
    }

    fn block(&self, agent: &PolicyAgent, snapshot: &Snapshot) -> Option<Arc<Rule>> {
        match &self.what {
            What::Request { method, target, headers } => {
                let facts = Facts::of(agent, target, method, headers).ok()?;
                match RuleEngine::evaluate(&facts, snapshot).verdict {
                    Verdict::Blocked(rule) => Some(rule),
                    _ => None,
                }
            }
            What::Tunnel { host, port } => tunnels::block(agent, host, *port, snapshot),
            What::Connection => None,
        }
    }

    fn revoke(&self, revocation: Revocation) {
        if self.revoked.set((revocation, Instant::now())).is_ok() {
            self.waker.wake();
        }
    }
}

impl Watch {
    /// Ready once the permit no longer holds.
    pub(crate) fn poll_revoked(&self, context: &mut Context<'_>) -> Poll<Revocation> {
        if let Some(revocation) = self.revocation() {
            return Poll::Ready(revocation);
        }
        self.entry.waker.register(context.waker());
        self.revocation().map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits until the permit no longer holds.
    pub(crate) async fn revoked(&self) -> Revocation {
        poll_fn(|context| self.poll_revoked(context)).await
    }

    /// Why the permit no longer holds, if so.
    pub(crate) fn revocation(&self) -> Option<Revocation> {
        self.entry.revoked.get().map(|(revocation, _)| revocation.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.running.entries().remove(&self.number);
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Without what it holds: headers may carry an agent's own credentials.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("agent", &self.agent.agent.id).finish_non_exhaustive()
    }
}

impl RuleEngine {
    /// Watches over a connection that is looked into: `closer` is cancelled when its agent may no longer have it.
    pub(crate) fn watch_connection(&self, agent: &Arc<PolicyAgent>, closer: CancellationToken) -> Watch {
        self.running.watch_connection(agent, closer)
    }

    /// Judges what is running again, after each change of the policy and as tokens expire, until `stop`. What no
    /// longer holds is told so, and what then does not end has its connection closed.
    pub(crate) async fn rejudge_running(&self, stop: CancellationToken) {
        let mut versions = self.policy.versions();
        loop {
            let has_changed = tokio::select! {
                () = stop.cancelled() => return,
                changed = versions.changed() => match changed {
                    Ok(()) => true,
                    Err(_) => return,
                },
                () = tokio::time::sleep(TICK) => false,
            };
            let Ok(snapshot) = self.policy.snapshot() else { continue };
            let entries: Vec<Arc<Entry>> = self.running.entries().values().cloned().collect();
            for (number, entry) in entries.into_iter().enumerate() {
                if number % BETWEEN_YIELDS == 0 {
                    tokio::task::yield_now().await;
                }
                match entry.revoked.get() {
                    Some((_, since)) if since.elapsed() >= TICK => entry.closer.cancel(),
                    Some(_) => {}
                    None => {
                        if let Some(revocation) = entry.judge(&snapshot, has_changed) {
                            entry.revoke(revocation);
                        }
                    }
                }
            }
        }
    }
}
