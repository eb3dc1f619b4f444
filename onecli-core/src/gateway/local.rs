//! Requests to the gateway itself.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Answers origin-form requests on the gateway's port: those that are for the gateway itself and not for a service.
#[async_trait]
pub trait LocalService: Send + Sync + 'static {
    /// Answers a request. Its body is not read.
    async fn call(&self, request: Request<()>) -> Response<Bytes>;
}
