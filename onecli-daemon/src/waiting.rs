//! Until the database answers: whoever asks is told so.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context, Result};
use onecli_core::store::{PostgresStore, PostgresUrl};
use poem::{
    Response, Server,
    endpoint::make_sync,
    http::{StatusCode, header},
    listener::TcpAcceptor,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

const GATEWAY: &str = r#"{"error":"store_unavailable","message":"the gateway has no policy yet, since its database does not answer","help":"Try again later. A person can look at the daemon's log."}"#;
const API: &str = r#"{"error":"the database does not answer yet; the daemon goes on as soon as it does, and its log says why"}"#;

/// Opens the database as soon as it answers. Meanwhile requests on these listeners get 503.
pub(crate) async fn open(
    url: &PostgresUrl, name: &str, gateway: &[TcpListener], dashboard: &TcpListener,
) -> Result<PostgresStore> {
    let mut error = match PostgresStore::open(url).await {
        Ok(store) => return Ok(store),
        Err(error) => error,
    };
    let (until, serving) = (CancellationToken::new(), TaskTracker::new());
    let mut retry = FIRST_RETRY;
    let mut is_first = true;
    loop {
        if !PostgresStore::is_away(&error) {
            return Err(error).with_context(|| format!("{name} can't be opened"));
        }
        if std::mem::take(&mut is_first) {
            tracing::warn!(
                error = %onecli_core::error_chain(&error),
                "{name} does not answer; requests are refused until it does"
            );
            for listener in gateway {
                serving.spawn(refuse(listener.try_clone()?, GATEWAY, "store_unavailable", until.clone())?);
            }
            serving.spawn(refuse(dashboard.try_clone()?, API, "", until.clone())?);
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
        match PostgresStore::open(url).await {
            Ok(store) => {
                until.cancel();
                serving.close();
                serving.wait().await;
                return Ok(store);
            }
            Err(next) => error = next,
        }
    }
}

fn refuse(
    listener: TcpListener, body: &'static str, code: &'static str, until: CancellationToken,
) -> Result<impl Future<Output = ()>> {
    let acceptor = TcpAcceptor::from_std(listener).context("a listener can't be used")?;
    let answer = make_sync(move |_| {
        Response::builder()
            .status(StatusCode::SERVICE_UNAVAILABLE)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header("x-onecli-error", code)
            .body(body)
    });
    Ok(async move {
        let server = Server::new_with_acceptor(acceptor);
        let stopped = async move { until.cancelled().await };
        let served = server.run_with_graceful_shutdown(answer, stopped, Some(Duration::ZERO)).await;
        if let Err(error) = served {
            tracing::debug!(%error, "nobody is told that the database does not answer");
        }
    })
}
