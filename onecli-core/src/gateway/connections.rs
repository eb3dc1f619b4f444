//! How many connections there are, in all and of each agent.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::{model::AgentId, policy::PolicyAgent, refusal::Cause};

const MINUTE: Duration = Duration::from_secs(60);

/// Counts connections to the gateway's port, and the CONNECTs of each agent with its children.
#[derive(Debug)]
pub(super) struct Connections {
    all: Arc<Semaphore>,
    of: Mutex<HashMap<AgentId, usize>>,
    per_agent: usize,
    closed: Closed,
}

/// How many connections were closed without a reply, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedConnections {
    /// There were as many as may be at once.
    pub too_many: u64,
    /// What came was not HTTP.
    pub not_http: u64,
    /// A request's head did not come in time.
    pub slow: u64,
    /// HTTP/2 was broken or flooded.
    pub broken_http2: u64,
    /// The TLS handshake with the gateway's port failed.
    pub tls: u64,
}

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) too_many: AtomicU64,
    pub(super) not_http: AtomicU64,
    pub(super) slow: AtomicU64,
    pub(super) broken_http2: AtomicU64,
    pub(super) tls: AtomicU64,
}

impl Closed {
    pub(super) fn now(&self) -> ClosedConnections {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClosedConnections {
            too_many: of(&self.too_many),
            not_http: of(&self.not_http),
            slow: of(&self.slow),
            broken_http2: of(&self.broken_http2),
            tls: of(&self.tls),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Stands for a connection of an agent, for as long as it is.
#[derive(Debug)]
pub(super) struct AgentConnection {
    connections: Arc<Connections>,
    agent: AgentId,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            of: Mutex::default(),
            per_agent: limits.connections_per_agent,
            closed: Closed::default(),
        })
    }

    /// Room for one more connection. Without it the connection is closed, and counted.
    pub(super) fn accept(&self) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.all).try_acquire_owned().ok();
        if room.is_none() && self.closed.too_many.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
            tracing::warn!(
                "there are as many connections as may be at once; more are closed (ONECLI_MAX_CONNECTIONS)"
            );
        }
        room
    }

    /// Room for one more CONNECT of an agent.
    pub(super) fn connect(self: &Arc<Self>, agent: &PolicyAgent) -> Result<AgentConnection, Cause> {
        let agent = agent.agent.parent_id.unwrap_or(agent.agent.id);
        let mut of = self.of();
        let open = of.entry(agent).or_default();
        if *open >= self.per_agent {
            return Err(Cause::Busy("connections"));
        }
        *open += 1;
        Ok(AgentConnection { connections: Arc::clone(self), agent })
    }

    pub(super) fn closed(&self) -> &Closed {
        &self.closed
    }

    /// Says each minute what was closed without a reply, if anything was, until `stop`.
    pub(super) async fn report(self: Arc<Self>, stop: CancellationToken) {
        let mut before = ClosedConnections::default();
        while tokio::time::timeout(MINUTE, stop.cancelled()).await.is_err() {
            let now = self.closed.now();
            if now != before {
                tracing::warn!(
                    too_many = now.too_many - before.too_many,
                    not_http = now.not_http - before.not_http,
                    slow = now.slow - before.slow,
                    broken_http2 = now.broken_http2 - before.broken_http2,
                    tls = now.tls - before.tls,
                    "connections were closed without a reply in the last minute"
                );
            }
            before = now;
        }
    }

    fn of(&self) -> MutexGuard<'_, HashMap<AgentId, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AgentConnection {
    fn drop(&mut self) {
        let mut of = self.connections.of();
        if let Some(open) = of.get_mut(&self.agent) {
            *open -= 1;
            if *open == 0 {
                of.remove(&self.agent);
            }
        }
    }
}
