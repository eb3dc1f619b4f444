//! How many bodies are held and decoded at once for conditions.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::{model::AgentId, policy::PolicyAgent, refusal::Cause};

/// Bodies are held in memory while they are judged, each up to [`LONGEST`](super::LONGEST): so many at once, and of one agent, its
/// children included, a part of them.
#[derive(Debug)]
pub(in crate::rules) struct Judging {
    all: Arc<Semaphore>,
    of: Cache<AgentId, Arc<Semaphore>>,
    /// Decoding takes several times a body's size.
    decoding: Semaphore,
}

const AT_ONCE: usize = 128;
const OF_ONE_AGENT: usize = 32;
const DECODED_AT_ONCE: usize = 4;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
const AGENTS: u64 = 10_000;

impl Default for Judging {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            of: Cache::new(AGENTS),
            decoding: Semaphore::new(DECODED_AT_ONCE),
        }
    }
}

impl Judging {
    /// Waits for room for one more body of an agent.
    pub(in crate::rules) async fn room(
        &self, agent: &PolicyAgent,
    ) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Cause> {
        let owner = agent.agent.parent_id.unwrap_or(agent.agent.id);
        let own = self.of.get_with(owner, || Arc::new(Semaphore::new(OF_ONE_AGENT)));
        let waiting = async {
            // First its own, so that what waits takes nothing from others.
            let own = own.acquire_owned().await.ok()?;
            Some((own, Arc::clone(&self.all).acquire_owned().await.ok()?))
        };
        in_time(waiting).await
    }

    /// Waits for the turn to decode.
    pub(in crate::rules) async fn turn(&self) -> Result<SemaphorePermit<'_>, Cause> {
        in_time(async { self.decoding.acquire().await.ok() }).await
    }
}

async fn in_time<T>(waiting: impl Future<Output = Option<T>>) -> Result<T, Cause> {
    let turn = tokio::time::timeout(PATIENCE, waiting).await.ok().flatten();
    turn.ok_or(Cause::Busy("bodies waiting to be judged"))
}
