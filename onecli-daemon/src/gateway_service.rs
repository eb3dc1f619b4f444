//! What the gateway's port answers for itself.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use onecli_core::gateway::LocalService;

/// Health and the root certificate, on the gateway's port.
pub(crate) struct GatewayService {
    root_pem: Bytes,
}

impl GatewayService {
    pub(crate) fn new(root_pem: &str) -> Self {
        Self { root_pem: Bytes::copy_from_slice(root_pem.as_bytes()) }
    }
}

#[async_trait]
impl LocalService for GatewayService {
    async fn call(&self, request: Request<()>) -> Response<Bytes> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/healthz" | "/v1/gateway/ca" | "/api/gateway/ca" if !is_read => {
                answer(StatusCode::METHOD_NOT_ALLOWED, JSON, error("this takes GET alone"))
            }
            "/healthz" => answer(StatusCode::OK, JSON, Bytes::from_static(br#"{"status":"ok"}"#)),
            "/v1/gateway/ca" | "/api/gateway/ca" => answer(StatusCode::OK, PEM, self.root_pem.clone()),
            _ => answer(
                StatusCode::NOT_FOUND,
                JSON,
                error(
                    "this is the gateway's port: send requests through it as a proxy; the API is on the dashboard's port",
                ),
            ),
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const PEM: HeaderValue = HeaderValue::from_static("application/x-pem-file");

fn error(message: &str) -> Bytes {
    Bytes::from(serde_json::json!({ "error": message }).to_string())
}

fn answer(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use onecli_core::gateway::LocalService;

    use super::GatewayService;

    #[tokio::test]
    async fn answers_only_what_is_its_own() {
        let service = GatewayService::new("PEM");
        for (path, status) in
            [("/healthz", 200), ("/v1/gateway/ca", 200), ("/api/gateway/ca", 200), ("/v1/agents", 404)]
        {
            let request = http::Request::get(path).body(()).unwrap();
            assert_eq!(service.call(request).await.status(), status, "{path}");
        }
    }
}
