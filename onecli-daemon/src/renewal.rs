//! Taking up a renewed certificate of the gateway's port.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use crate::settings::{TlsFiles, certificates, private_key};

/// Renewed certificates are looked for this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks at the files until `stop`, and serves with what stands in them once it has changed and can be used.
pub(crate) async fn run(files: TlsFiles, stop: CancellationToken) {
    let mut known = written(&files);
    while tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_err() {
        let now = written(&files);
        if now.is_none() || now == known {
            continue;
        }
        match renew(&files) {
            Ok(()) => tracing::info!("the gateway's port has a new certificate"),
            Err(error) => {
                tracing::warn!(%error, "the gateway's port keeps its certificate: the new one can't be used")
            }
        }
        known = now;
    }
}

/// When both files were written last, and how long they are.
fn written(files: &TlsFiles) -> Option<[(SystemTime, u64); 2]> {
    let of = |path: &Path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    Some([of(&files.certificate)?, of(&files.key)?])
}

fn renew(files: &TlsFiles) -> Result<(), String> {
    let chain = certificates(&files.certificate.to_string_lossy())?;
    let key = private_key(&files.key.to_string_lossy())?;
    files.tls.renew(chain, key).map_err(|error| error.to_string())
}
