//! Hearing of changes: a connection of its own that listens, and is asked each second whether it still does.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::policy;
use crate::store::{PolicyVersion, StoreError};

/// Follows the version of the policy for as long as it is.
pub(super) struct Feed {
    confirmed: Arc<Mutex<Instant>>,
    following: JoinHandle<()>,
}

/// How often it is asked, and how long an answer may take: a connection that is silent for longer is none.
const HEARTBEAT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);

impl Feed {
    /// Connects, and tells `changes` of each version from the present one on.
    pub(super) async fn start(
        config: Config, connect: MakeRustlsConnect, changes: Arc<watch::Sender<PolicyVersion>>,
    ) -> Result<Self, StoreError> {
        let confirmed = Arc::new(Mutex::new(Instant::now()));
        let follower = Follower { config, connect, changes, confirmed: Arc::clone(&confirmed) };
        let listening = follower.listen().await?;
        Ok(Self { confirmed, following: tokio::spawn(follower.follow(listening)) })
    }

    /// When it was certain last that no change was missed.
    pub(super) fn confirmed(&self) -> Instant {
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.following.abort();
    }
}

struct Follower {
    config: Config,
    connect: MakeRustlsConnect,
    changes: Arc<watch::Sender<PolicyVersion>>,
    confirmed: Arc<Mutex<Instant>>,
}

/// A connection that listens.
struct Listening {
    client: Client,
    heard: mpsc::UnboundedReceiver<PolicyVersion>,
}

impl Follower {
    async fn follow(self, mut listening: Listening) {
        loop {
            let error = self.hear(&mut listening).await;
            tracing::warn!(error = %crate::error_chain(&error), "the database's changes are not heard; connecting again");
            listening = self.connect_again().await;
            tracing::info!("the database's changes are heard again");
        }
    }

    async fn connect_again(&self) -> Listening {
        let mut pause = FIRST_RETRY;
        loop {
            match tokio::time::timeout(PATIENCE * 2, self.listen()).await {
                Ok(Ok(listening)) => return listening,
                Ok(Err(error)) => {
                    tracing::debug!(error = %crate::error_chain(&error), "the database does not answer");
                }
                Err(_) => tracing::debug!("the database does not answer in time"),
            }
            // Not all gateways at the same moment.
            tokio::time::sleep(pause.mul_f64(0.5 + fraction())).await;
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    async fn listen(&self) -> Result<Listening, StoreError> {
        let (client, mut connection) = self.config.connect(self.connect.clone()).await?;
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            // Ends with the client or the connection.
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message
                    && let Ok(version) = notification.payload().parse()
                {
                    let _ = tell.send(PolicyVersion(version));
                }
            }
        });
        client.batch_execute("LISTEN onecli_policy").await?;
        self.ask(&client).await?;
        Ok(Listening { client, heard })
    }

    /// Why it hears no more.
    async fn hear(&self, listening: &mut Listening) -> StoreError {
        let closed = || StoreError::unavailable("the connection was closed");
        loop {
            match tokio::time::timeout(HEARTBEAT, listening.heard.recv()).await {
                Ok(Some(version)) => self.tell(version),
                Ok(None) => return closed(),
                Err(_) => match tokio::time::timeout(PATIENCE, self.ask(&listening.client)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return error,
                    Err(elapsed) => return StoreError::unavailable(elapsed),
                },
            }
        }
    }

    /// What is the version now? It is told as if it had been heard.
    async fn ask(&self, client: &Client) -> Result<(), StoreError> {
        self.tell(policy::version(client).await?);
        Ok(())
    }

    fn tell(&self, version: PolicyVersion) {
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.changes.send_if_modified(|newest| {
            let newer = version > *newest;
            *newest = (*newest).max(version);
            newer
        });
    }
}

/// Somewhere from 0 to 1.
fn fraction() -> f64 {
    let mut byte = [0; 1];
    // Without randomness all wait equally long.
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
