//! `GET /v1/health`.

use std::sync::Arc;

use onecli_sdk::types::Health;
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi, payload::Json};

use super::{Topic, backend::Backend};

pub(super) struct HealthCalls;

#[derive(ApiResponse)]
enum HealthAnswer {
    /// The daemon can serve.
    #[oai(status = 200)]
    Ok(Json<Health>),
    /// The store does not answer.
    #[oai(status = 503)]
    StoreAway(Json<Health>),
}

#[OpenApi(prefix_path = "/v1", tag = "Topic::Health")]
impl HealthCalls {
    /// Whether the daemon can serve
    ///
    /// Needs no key.
    #[oai(path = "/health", method = "get", operation_id = "getHealth")]
    async fn get_health(&self, Data(backend): Data<&Arc<Backend>>) -> HealthAnswer {
        let health = |status: &str, store: &str| {
            Json(Health {
                status: status.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                store: store.to_owned(),
                secret_opens: backend.vault.secret_opens(),
            })
        };
        match backend.store.ping().await {
            Ok(()) => HealthAnswer::Ok(health("ok", "ok")),
            Err(error) => {
                tracing::error!(error = %onecli_core::error_chain(&error), "the store does not answer");
                HealthAnswer::StoreAway(health("the store does not answer", "unavailable"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn says_that_it_can_serve() {
        let api = TestApi::new().await;
        let (status, body) = api.send_as("", "GET", "/v1/health", None).await;
        assert_eq!((status, &body["status"], &body["store"]), (200, &"ok".into(), &"ok".into()));
        assert_eq!(body["secretOpens"], 0);
    }
}
