//! Calls about the daemon and its gateway.

use reqwest::{Method, StatusCode};

use super::{Client, Error};
use crate::types::{ContainerConfig, Gateway, GatewayUrl, Health};

impl Client {
    /// Whether the daemon can serve. A report that says no is an answer too, not an error.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn health(&self) -> Result<Health, Error> {
        let response = self.exchange(Method::GET, "v1/health", &[], None::<&()>).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| Error::transport(self.address(), error))?;
        match serde_json::from_slice(&body) {
            Ok(report) if status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE => Ok(report),
            _ => Err(Error::from_answer(self.address(), status, &body)),
        }
    }

    /// What the environment of an agent gets, its token included. `agent` is an identifier or id; none: the default one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn container_config(&self, agent: Option<&str>) -> Result<ContainerConfig, Error> {
        let query: Vec<_> = agent.map(|agent| ("agent", agent.to_owned())).into_iter().collect();
        self.get("v1/container-config", &query).await
    }

    /// Where this client reaches the gateway.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn gateway_url(&self) -> Result<GatewayUrl, Error> {
        self.get("v1/gateway-url", &[]).await
    }

    /// The daemons of the system, the one that was seen last first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn gateways(&self) -> Result<Vec<Gateway>, Error> {
        self.get("v1/gateways", &[]).await
    }

    /// How an agent works behind the gateway, as markdown.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn gateway_skill(&self) -> Result<String, Error> {
        self.get_text("v1/skill/gateway").await
    }

    /// The gateway's root certificate, as PEM.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn gateway_ca(&self) -> Result<String, Error> {
        self.get_text("v1/gateway/ca").await
    }
}
