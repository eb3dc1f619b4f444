//! Where the gateway is, its root certificate, and the daemons of the system.

use std::sync::Arc;

use onecli_core::store::GatewayRow;
use onecli_sdk::types::{Gateway, GatewayUrl};
use poem::{Request, web::Data};
use poem_openapi::{
    OpenApi,
    payload::{Json, PlainText, Response},
};

use super::{Topic, auth::Viewer, backend::Backend, error::Problem, front};
use crate::gateway_service::PEM;

pub(super) struct GatewayCalls;

#[OpenApi(prefix_path = "/v1", tag = "Topic::Gateway")]
impl GatewayCalls {
    /// Where the caller reaches the gateway
    ///
    /// Needs no key.
    #[oai(path = "/gateway-url", method = "get", operation_id = "getGatewayUrl")]
    async fn url(&self, Data(backend): Data<&Arc<Backend>>, request: &Request) -> Json<GatewayUrl> {
        // Whatever stands in the Host of a request over the local socket, its sender is on this machine.
        let is_local = request.data::<super::auth::LocalPeer>().is_some();
        let authority = front::host(request).filter(|_| !is_local);
        Json(GatewayUrl {
            url: backend.reach.for_caller(authority.as_ref().map(|authority| authority.host())),
        })
    }

    /// The daemons of the system
    ///
    /// The one that was seen last comes first; one that has not been seen for a day is gone.
    #[oai(path = "/gateways", method = "get", operation_id = "listGateways")]
    async fn list(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Vec<Gateway>>, Problem> {
        let rows = backend.store.list_gateways().await?;
        Ok(Json(rows.into_iter().map(wire).collect()))
    }

    /// The root certificate as PEM
    ///
    /// Needs no key.
    #[oai(path = "/gateway/ca", method = "get", operation_id = "getGatewayCa")]
    async fn ca(&self, Data(backend): Data<&Arc<Backend>>) -> Response<PlainText<String>> {
        Response::new(PlainText(backend.root_pem.clone())).header("content-type", PEM)
    }
}

fn wire(row: GatewayRow) -> Gateway {
    let GatewayRow { id, host_name, version, addresses, last_seen_at } = row;
    Gateway { id: id.0, host_name, version, addresses, last_seen_at }
}

#[cfg(test)]
mod tests {
    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn the_url_is_reachable_by_the_caller() {
        let api = TestApi::new().await;
        let (_, here) = api.send_locally("GET", "/v1/gateway-url", None).await;
        assert_eq!(here["url"], "http://127.0.0.1:10255");
        let (_, there) = api.send_as("", "GET", "/v1/gateway-url", None).await;
        assert_eq!(there["url"], "http://localhost:10255");
        assert_eq!(api.send_as("", "GET", "/api/gateway/ca", None).await, (200, "ROOT\n".into()));
    }

    #[tokio::test]
    async fn the_daemons_are_listed_for_those_with_a_key() {
        let api = TestApi::new().await;
        assert_eq!(api.send_locally("GET", "/v1/gateways", None).await, (200, serde_json::json!([])));
        assert_eq!(api.send_as("", "GET", "/v1/gateways", None).await.0, 401);
    }
}
