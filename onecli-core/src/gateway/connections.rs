//! How many connections there are, in all and of each agent.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use crate::{model::AgentId, policy::PolicyAgent, refusal::Cause};

/// Counts connections to the gateway's port, and the CONNECTs of each agent with its children.
#[derive(Debug)]
pub(super) struct Connections {
    all: Arc<Semaphore>,
    of: Mutex<HashMap<AgentId, usize>>,
    per_agent: usize,
    refused: AtomicU64,
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
            refused: AtomicU64::new(0),
        })
    }

    /// Room for one more connection. Without it the connection is closed, and counted.
    pub(super) fn accept(&self) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.all).try_acquire_owned().ok();
        if room.is_none() && self.refused.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
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

    /// How many connections were closed because there were too many.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
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
