//! Removes audit events that are older than the settings say.

use std::{sync::Arc, time::Duration};

use onecli_core::{clock, policy::Policy, store::Store};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Removes old audit events once an hour, until `stop`.
pub(crate) async fn run(store: Arc<dyn Store>, policy: Arc<Policy>, stop: CancellationToken) {
    loop {
        remove_old(&*store, &policy).await;
        if tokio::time::timeout(EVERY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn remove_old(store: &dyn Store, policy: &Policy) {
    let Ok(snapshot) = policy.snapshot() else { return };
    let days = time::Duration::days(i64::from(snapshot.settings().audit_retention_days));
    let Some(limit) = clock::now().checked_sub(days) else { return };
    match store.delete_events_before(limit).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed audit events that were past their retention"),
        Err(error) => {
            tracing::warn!(error = %onecli_core::error_chain(&error), "old audit events can't be removed; will try again in an hour");
        }
    }
}
