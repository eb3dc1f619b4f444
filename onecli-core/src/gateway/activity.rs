//! When agents were seen and secrets used last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    exchange::{Exchange, Received},
    model::{AgentId, SecretId},
    store::AgentStore,
    vault::Injected,
};

/// Gathers times and writes them to the store together. They are for people: some may be lost in a crash.
#[derive(Debug, Default)]
pub(super) struct Activity(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    agents: HashMap<AgentId, OffsetDateTime>,
    secrets: HashMap<SecretId, OffsetDateTime>,
}

const INTERVAL: Duration = Duration::from_secs(1);

impl Activity {
    /// An agent has sent a request, whatever becomes of it.
    pub(super) fn note_agent(&self, exchange: &Exchange<Received>) {
        self.seen().agents.insert(exchange.agent.agent.id, clock::now());
    }

    /// Secrets were put in.
    pub(super) fn note_secrets(&self, exchange: &Exchange<Injected>) {
        let secrets = exchange.ticket.event().map_or(&[][..], |event| &event.secret_ids);
        if !secrets.is_empty() {
            let now = clock::now();
            self.seen().secrets.extend(secrets.iter().map(|id| (*id, now)));
        }
    }

    /// Writes what was noted, until `stop`; then once more.
    pub(super) async fn write(&self, store: &(impl AgentStore + ?Sized), stop: CancellationToken) {
        loop {
            let stopped = tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_ok();
            let Seen { agents, secrets } = std::mem::take(&mut *self.seen());
            if !agents.is_empty() || !secrets.is_empty() {
                let (agents, secrets): (Vec<_>, Vec<_>) =
                    (agents.into_iter().collect(), secrets.into_iter().collect());
                if let Err(error) = store.touch(&agents, &secrets).await {
                    tracing::debug!(error = %crate::error_chain(&error), "times of last use are not written");
                }
            }
            if stopped {
                return;
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
