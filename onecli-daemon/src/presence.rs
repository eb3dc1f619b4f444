//! Telling the store that this daemon is there.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use onecli_core::{
    clock,
    model::GatewayId,
    store::{GatewayRow, Store},
};
use tokio_util::sync::CancellationToken;

use crate::data_dir::{self, DataDir};

const EVERY: Duration = Duration::from_secs(10);
/// After so long a daemon is gone.
const GONE: time::Duration = time::Duration::hours(24);

/// The id of the daemon of a data directory, which is made on first run.
pub(crate) fn id(directory: &DataDir) -> Result<GatewayId> {
    let path = directory.gateway_id();
    if let Ok(text) = data_dir::read_private(&path)
        && let Ok(id) = text.trim().parse()
    {
        return Ok(id);
    }
    let id = GatewayId::generate();
    data_dir::write_private(&path, id.to_string().as_bytes())
        .with_context(|| format!("{} can't be written", path.display()))?;
    Ok(id)
}

/// Notes it again and again until `stop`.
pub(crate) async fn run(store: Arc<dyn Store>, mut row: GatewayRow, stop: CancellationToken) {
    loop {
        row.last_seen_at = clock::now();
        if let Err(error) = store.note_gateway(&row, row.last_seen_at - GONE).await {
            tracing::debug!(error = %onecli_core::error_chain(&error), "the store is not told that this daemon is there");
        }
        if tokio::time::timeout(EVERY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}
