//! Agents and their tokens.

use std::sync::Arc;

use onecli_core::{
    admin::{AgentChange, NewAgent},
    model::{self, SecretId},
    vault::Token,
};
use onecli_sdk::types::{
    AccessToken, AccessTokenAnswer, Agent, AgentSecrets, CreateAgent, SecretMode, SetSecretMode, UpdateAgent,
};
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};

use super::{
    Topic,
    auth::{Admin, Viewer},
    backend::Backend,
    body::Body,
    error::Problem,
};

pub(super) struct AgentCalls;

#[derive(ApiResponse)]
enum Created {
    /// The agent, with its access token.
    #[oai(status = 201)]
    Agent(Json<Agent>),
}

#[derive(ApiResponse)]
enum Deleted {
    /// It is gone.
    #[oai(status = 204)]
    Gone,
}

#[OpenApi(prefix_path = "/v1", tag = "Topic::Agents")]
impl AgentCalls {
    /// All agents, oldest first
    #[oai(path = "/agents", method = "get", operation_id = "listAgents")]
    async fn list(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Vec<Agent>>, Problem> {
        let agents = backend.admin.agents().await?;
        Ok(Json(agents.into_iter().map(|agent| wire(agent, None)).collect()))
    }

    /// Makes an agent
    ///
    /// The answer holds its access token.
    #[oai(path = "/agents", method = "post", operation_id = "createAgent")]
    async fn create(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Body(new): Body<CreateAgent>,
    ) -> Result<Created, Problem> {
        let new = NewAgent {
            name: new.name,
            identifier: new.identifier,
            parent: new.parent_identifier,
            ttl_seconds: new.ttl_seconds,
        };
        let (agent, token) = backend.admin.create_agent(new).await?;
        Ok(Created::Agent(Json(wire(agent, Some(&token)))))
    }

    /// The agent that is meant when none is named
    #[oai(path = "/agents/default", method = "get", operation_id = "getDefaultAgent")]
    async fn default(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Agent>, Problem> {
        Ok(Json(wire(backend.admin.default_agent().await?, None)))
    }

    /// One agent, by its id or identifier
    #[oai(path = "/agents/:id", method = "get", operation_id = "getAgent")]
    async fn get(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
    ) -> Result<Json<Agent>, Problem> {
        Ok(Json(wire(backend.admin.agent(&id).await?, None)))
    }

    /// Changes an agent
    #[oai(path = "/agents/:id", method = "patch", operation_id = "updateAgent")]
    async fn update(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
        Body(change): Body<UpdateAgent>,
    ) -> Result<Json<Agent>, Problem> {
        if change.is_default == Some(false) {
            return Err(Problem::refused(
                "isDefault can only be set to true; make another agent the default instead",
            ));
        }
        let agent = backend.admin.agent(&id).await?;
        let change = AgentChange {
            name: change.name,
            enabled: change.enabled,
            make_default: change.is_default.unwrap_or_default(),
        };
        Ok(Json(wire(backend.admin.update_agent(agent.id, change).await?, None)))
    }

    /// Deletes an agent, its children and the rules that name them
    #[oai(path = "/agents/:id", method = "delete", operation_id = "deleteAgent")]
    async fn delete(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
    ) -> Result<Deleted, Problem> {
        let agent = backend.admin.agent(&id).await?;
        backend.admin.delete_agent(agent.id).await?;
        Ok(Deleted::Gone)
    }

    /// The secrets that are assigned to an agent
    ///
    /// They count when its mode is `selective`.
    #[oai(path = "/agents/:id/secrets", method = "get", operation_id = "getAgentSecrets")]
    async fn secrets(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
    ) -> Result<Json<AgentSecrets>, Problem> {
        let agent = backend.admin.agent(&id).await?;
        Ok(Json(assigned(backend.admin.assigned_secrets(agent.id).await?)))
    }

    /// Assigns secrets to an agent, in the place of those from before
    #[oai(path = "/agents/:id/secrets", method = "put", operation_id = "setAgentSecrets")]
    async fn set_secrets(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
        Body(secrets): Body<AgentSecrets>,
    ) -> Result<Json<AgentSecrets>, Problem> {
        let agent = backend.admin.agent(&id).await?;
        let secrets: Vec<SecretId> = secrets.secret_ids.into_iter().map(SecretId).collect();
        backend.admin.assign_secrets(agent.id, &secrets).await?;
        Ok(Json(assigned(backend.admin.assigned_secrets(agent.id).await?)))
    }

    /// Says which secrets an agent may use
    #[oai(path = "/agents/:id/secret-mode", method = "patch", operation_id = "setAgentSecretMode")]
    async fn set_secret_mode(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
        Body(change): Body<SetSecretMode>,
    ) -> Result<Json<Agent>, Problem> {
        let agent = backend.admin.agent(&id).await?;
        let mode = match change.mode {
            SecretMode::All => model::SecretMode::All,
            SecretMode::Selective => model::SecretMode::Selective,
        };
        Ok(Json(wire(backend.admin.set_secret_mode(agent.id, mode).await?, None)))
    }

    /// A new access token
    ///
    /// The old one stops at once.
    #[oai(path = "/agents/:id/regenerate-token", method = "post", operation_id = "regenerateAgentToken")]
    async fn regenerate_token(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<String>,
    ) -> Result<Json<AccessTokenAnswer>, Problem> {
        let agent = backend.admin.agent(&id).await?;
        let token = backend.admin.regenerate_token(agent.id).await?;
        Ok(Json(AccessTokenAnswer { access_token: handed_out(&token) }))
    }
}

fn assigned(secrets: Vec<SecretId>) -> AgentSecrets {
    AgentSecrets { secret_ids: secrets.into_iter().map(|id| id.0).collect() }
}

fn wire(agent: model::Agent, token: Option<&Token>) -> Agent {
    Agent {
        id: agent.id.0,
        name: agent.name,
        identifier: agent.identifier.to_string(),
        access_token: token.map(handed_out),
        is_default: agent.is_default,
        secret_mode: match agent.secret_mode {
            model::SecretMode::All => SecretMode::All,
            model::SecretMode::Selective => SecretMode::Selective,
        },
        enabled: agent.enabled,
        parent_id: agent.parent_id.map(|id| id.0),
        created_at: agent.created_at,
        last_seen_at: agent.last_seen_at,
        expires_at: agent.expires_at,
    }
}

fn handed_out(token: &Token) -> AccessToken {
    AccessToken::new(token.reveal().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn a_token_is_handed_out_once() {
        let api = TestApi::new().await;
        let new = json!({"name": "CI", "identifier": "ci", "parentIdentifier": "default", "ttlSeconds": 60});
        let (status, agent) = api.send_locally("POST", "/v1/agents", Some(new.clone())).await;
        assert_eq!(status, 201, "{agent}");
        assert!(agent["accessToken"].as_str().unwrap().starts_with("aoc_"));
        let (_, listed) = api.send_locally("GET", "/v1/agents/ci", None).await;
        assert_eq!((&listed["id"], listed.get("accessToken")), (&agent["id"], None));
        assert_eq!(api.send_locally("POST", "/v1/agents", Some(new)).await.0, 409);
        let (_, fresh) = api.send_locally("POST", "/v1/agents/ci/regenerate-token", None).await;
        assert_ne!(fresh["accessToken"], agent["accessToken"]);
        assert_eq!(api.send_locally("DELETE", "/v1/agents/ci", None).await.0, 204);
        assert_eq!(api.send_locally("GET", "/v1/agents/ci", None).await.0, 404);
    }

    #[tokio::test]
    async fn refuses_with_the_right_status() {
        let api = TestApi::new().await;
        let (_, default) = api.send_locally("GET", "/v1/agents/default", None).await;
        let default = format!("/v1/agents/{}", default["id"].as_str().unwrap());
        for (method, path, body, status) in [
            ("POST", "/v1/agents", json!({"name": "x"}), 400),
            ("POST", "/v1/agents", json!({"name": "x", "identifier": "Bad One"}), 422),
            ("POST", "/v1/agents", json!({"name": "x", "identifier": "x", "admin": true}), 400),
            ("PATCH", default.as_str(), json!({"isDefault": false}), 422),
            ("PATCH", "/v1/agents/nobody", json!({}), 404),
            ("DELETE", default.as_str(), json!(null), 422),
        ] {
            let (found, told) = api.send_locally(method, path, Some(body.clone())).await;
            assert_eq!(found, status, "{method} {path} {body}: {told}");
        }
    }
}
