//! Calls about agents.

use reqwest::Method;
use uuid::Uuid;

use super::{Client, Error};
use crate::types::{
    AccessToken, AccessTokenAnswer, Agent, AgentSecrets, CreateAgent, SecretMode, SetSecretMode, UpdateAgent,
};

impl Client {
    /// All agents.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agents(&self) -> Result<Vec<Agent>, Error> {
        self.get_all("v1/agents").await
    }

    /// Makes an agent; the answer holds its access token.
    ///
    /// # Errors
    /// [`Error::Conflict`] if its identifier is taken; else see [`Error`].
    pub async fn create_agent(&self, agent: &CreateAgent) -> Result<Agent, Error> {
        self.send_json(Method::POST, "v1/agents", agent).await
    }

    /// The agent that is meant when none is named.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn default_agent(&self) -> Result<Agent, Error> {
        self.get("v1/agents/default", &[]).await
    }

    /// One agent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent(&self, id: Uuid) -> Result<Agent, Error> {
        self.get(&format!("v1/agents/{id}"), &[]).await
    }

    /// Changes an agent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_agent(&self, id: Uuid, changes: &UpdateAgent) -> Result<Agent, Error> {
        self.send_json(Method::PATCH, &format!("v1/agents/{id}"), changes).await
    }

    /// Removes an agent, its children and the rules that name them.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_agent(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("v1/agents/{id}")).await
    }

    /// Gives an agent a new access token; the one before is no longer valid.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn regenerate_agent_token(&self, id: Uuid) -> Result<AccessToken, Error> {
        let answer: AccessTokenAnswer = self.post(&format!("v1/agents/{id}/regenerate-token")).await?;
        Ok(answer.access_token)
    }

    /// The secrets that are assigned to an agent.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent_secrets(&self, id: Uuid) -> Result<AgentSecrets, Error> {
        self.get(&format!("v1/agents/{id}/secrets"), &[]).await
    }

    /// Assigns secrets to an agent, in the place of those from before.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_agent_secrets(&self, id: Uuid, secrets: &AgentSecrets) -> Result<AgentSecrets, Error> {
        self.send_json(Method::PUT, &format!("v1/agents/{id}/secrets"), secrets).await
    }

    /// Says which secrets an agent may use.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_agent_secret_mode(&self, id: Uuid, mode: SecretMode) -> Result<Agent, Error> {
        self.send_json(Method::PATCH, &format!("v1/agents/{id}/secret-mode"), &SetSecretMode { mode }).await
    }
}
