//! Agents and their tokens.

use time::{Duration, OffsetDateTime};

use super::{Admin, AdminError, names};
use crate::{
    clock,
    model::{Agent, AgentId, Identifier, Secret, SecretId, SecretMode},
    store::{AgentRow, StoreError},
    vault::Token,
};

/// An agent to be made.
#[derive(Clone, Debug, Default)]
pub struct NewAgent {
    /// What people call it.
    pub name: String,
    /// What scripts call it.
    pub identifier: String,
    /// The identifier or id of the agent as which it counts.
    pub parent: Option<String>,
    /// For how long its token is valid; none: for ever.
    pub ttl_seconds: Option<u64>,
}

/// What to change of an agent; what is absent is kept.
#[derive(Clone, Debug, Default)]
pub struct AgentChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether its token is valid.
    pub enabled: Option<bool>,
    /// Make it the one that is meant when none is named.
    pub make_default: bool,
}

const DEFAULT_NAME: &str = "Default agent";
const DEFAULT_IDENTIFIER: &str = "default";

impl Admin {
    /// All agents, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn agents(&self) -> Result<Vec<Agent>, AdminError> {
        Ok(self.store.list_agents().await?.into_iter().map(|row| row.agent).collect())
    }

    /// The agent of that id or identifier.
    ///
    /// # Errors
    /// If there is none.
    pub async fn agent(&self, reference: &str) -> Result<Agent, AdminError> {
        Ok(self.agent_row(reference).await?.agent)
    }

    /// The agent that is meant when none is named.
    ///
    /// # Errors
    /// If there is none.
    pub async fn default_agent(&self) -> Result<Agent, AdminError> {
        let found = self.agents().await?.into_iter().find(|agent| agent.is_default);
        found.ok_or_else(|| AdminError::NotFound("default agent; name one, or make one the default".into()))
    }

    /// Makes an agent and its token.
    ///
    /// # Errors
    /// If its identifier is taken or invalid, or its parent is unknown or a child itself.
    pub async fn create_agent(&self, new: NewAgent) -> Result<(Agent, Token), AdminError> {
        let _writing = self.begin_write().await;
        let parent_id = match &new.parent {
            Some(reference) => Some(self.parent(reference).await?),
            None => None,
        };
        let now = clock::now();
        let agent = Agent {
            id: AgentId::generate(),
            name: names::check(&new.name)?,
            identifier: new.identifier.parse()?,
            is_default: false,
            secret_mode: SecretMode::All,
            enabled: true,
            parent_id,
            created_at: now,
            last_seen_at: None,
            expires_at: new.ttl_seconds.map(|seconds| end_of_lease(now, seconds)).transpose()?,
        };
        let issued = self.vault.issue_agent_token(agent.id)?;
        let row = AgentRow { agent, token_hash: issued.hash, sealed_token: issued.sealed };
        let version = self.store.create_agent(&row).await?;
        self.in_force(version).await?;
        Ok((row.agent, issued.token))
    }

    /// Changes an agent.
    ///
    /// # Errors
    /// If there is none of that id, or the default one would stop being usable.
    pub async fn update_agent(&self, id: AgentId, change: AgentChange) -> Result<Agent, AdminError> {
        let _writing = self.begin_write().await;
        let mut row = self.agent_row(&id.to_string()).await?;
        if let Some(name) = &change.name {
            row.agent.name = names::check(name)?;
        }
        row.agent.enabled = change.enabled.unwrap_or(row.agent.enabled);
        row.agent.is_default |= change.make_default;
        let version = self.store.update_agent(&row).await?;
        self.in_force(version).await?;
        Ok(row.agent)
    }

    /// Says which secrets an agent may use: all, or those that are assigned to it.
    ///
    /// # Errors
    /// If there is none of that id, or it is a child: a child may use what its parent may.
    pub async fn set_secret_mode(&self, id: AgentId, mode: SecretMode) -> Result<Agent, AdminError> {
        let _writing = self.begin_write().await;
        let mut row = self.agent_row(&id.to_string()).await?;
        refuse_child(&row.agent)?;
        row.agent.secret_mode = mode;
        let version = self.store.update_agent(&row).await?;
        self.in_force(version).await?;
        Ok(row.agent)
    }

    /// The secrets that are assigned to an agent. They count when its mode is selective.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn assigned_secrets(&self, id: AgentId) -> Result<Vec<SecretId>, AdminError> {
        self.agent(&id.to_string()).await?;
        Ok(self.store.list_assigned(id).await?)
    }

    /// The secrets that an agent may use: a child those of its parent.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn usable_secrets(&self, agent: &Agent) -> Result<Vec<Secret>, AdminError> {
        let counts_as = match agent.parent_id {
            Some(parent) => self.agent(&parent.to_string()).await?,
            None => agent.clone(),
        };
        let assigned = self.store.list_assigned(counts_as.id).await?;
        let rows = self.store.list_secrets().await?.into_iter().map(|row| row.secret);
        let all = counts_as.secret_mode == SecretMode::All;
        Ok(rows.filter(|secret| all || assigned.contains(&secret.id)).collect())
    }

    /// Assigns secrets to an agent, in the place of those from before.
    ///
    /// # Errors
    /// If there is no such agent or secret, or the agent is a child.
    pub async fn assign_secrets(&self, id: AgentId, secrets: &[SecretId]) -> Result<(), AdminError> {
        let _writing = self.begin_write().await;
        refuse_child(&self.agent(&id.to_string()).await?)?;
        let known = self.store.list_secrets().await?;
        if let Some(unknown) = secrets.iter().find(|id| !known.iter().any(|row| row.secret.id == **id)) {
            return Err(AdminError::refused(format!(
                "secretIds: {unknown} is no secret's; the list of secrets has their ids"
            )));
        }
        let version = self.store.assign_secrets(id, secrets).await?;
        self.in_force(version).await
    }

    /// Removes an agent, its children and the rules that name them.
    ///
    /// # Errors
    /// If there is none of that id, or it is the default one.
    pub async fn delete_agent(&self, id: AgentId) -> Result<(), AdminError> {
        let _writing = self.begin_write().await;
        let agent = self.agent(&id.to_string()).await?;
        if agent.is_default {
            return Err(AdminError::refused(
                "the default agent can't be deleted; make another one the default first, or disable it",
            ));
        }
        if self.agents().await?.iter().any(|other| other.parent_id == Some(id) && other.is_default) {
            return Err(AdminError::refused(
                "a child of this agent is the default agent and would be deleted with it; make another one the default first",
            ));
        }
        let version = self.store.delete_agent(id).await?;
        self.in_force(version).await
    }

    /// Puts a new token in the place of an agent's old one, which stops at once.
    ///
    /// # Errors
    /// If there is no agent of that id.
    pub async fn regenerate_token(&self, id: AgentId) -> Result<Token, AdminError> {
        let _writing = self.begin_write().await;
        let agent = self.agent(&id.to_string()).await?;
        let issued = self.vault.issue_agent_token(agent.id)?;
        let version = self.store.replace_agent_token(agent.id, &issued.hash, &issued.sealed).await?;
        self.in_force(version).await?;
        Ok(issued.token)
    }

    /// An agent's own token, for its container-config.
    ///
    /// # Errors
    /// If there is no agent of that id, or the token does not open.
    pub async fn agent_token(&self, id: AgentId) -> Result<Token, AdminError> {
        let row = self.agent_row(&id.to_string()).await?;
        Ok(self.vault.open_agent_token(row.agent.id, &row.sealed_token)?)
    }

    /// Makes the default agent if there is none. For the start: does not wait until it is in force.
    /// Answers with whether it was made.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub async fn ensure_default(&self) -> Result<bool, AdminError> {
        let rows = self.store.list_agents().await?;
        if rows.iter().any(|row| row.agent.is_default) {
            return Ok(false);
        }
        if let Some(mut row) =
            rows.into_iter().find(|row| row.agent.identifier.as_str() == DEFAULT_IDENTIFIER)
        {
            row.agent.is_default = true;
            self.store.update_agent(&row).await?;
            return Ok(false);
        }
        let agent = Agent {
            id: AgentId::generate(),
            name: DEFAULT_NAME.into(),
            identifier: DEFAULT_IDENTIFIER.parse::<Identifier>()?,
            is_default: true,
            secret_mode: SecretMode::All,
            enabled: true,
            parent_id: None,
            created_at: clock::now(),
            last_seen_at: None,
            expires_at: None,
        };
        let issued = self.vault.issue_agent_token(agent.id)?;
        let row = AgentRow { agent, token_hash: issued.hash, sealed_token: issued.sealed };
        match self.store.create_agent(&row).await {
            Ok(_) => Ok(true),
            // Another gateway of the same database was first.
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn agent_row(&self, reference: &str) -> Result<AgentRow, AdminError> {
        let rows = self.store.list_agents().await?;
        let id = reference.parse::<AgentId>().ok();
        // An identifier may look like an id; the id has precedence.
        let by_id = rows.iter().position(|row| Some(row.agent.id) == id);
        let at = by_id.or_else(|| rows.iter().position(|row| row.agent.identifier.as_str() == reference));
        at.and_then(|at| rows.into_iter().nth(at)).ok_or_else(|| {
            let shown: String = reference.escape_debug().take(60).collect();
            AdminError::NotFound(format!("agent `{shown}`; the list of agents has their identifiers and ids"))
        })
    }

    async fn parent(&self, reference: &str) -> Result<AgentId, AdminError> {
        let parent = self.agent(reference).await?;
        match parent.parent_id {
            None => Ok(parent.id),
            Some(_) => Err(AdminError::refused(format!(
                "`{}` is a child itself, and children have no children; name its parent",
                parent.identifier
            ))),
        }
    }
}

fn end_of_lease(now: OffsetDateTime, seconds: u64) -> Result<OffsetDateTime, AdminError> {
    let end = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
    end.and_then(|seconds| now.checked_add(Duration::seconds(seconds)))
        .ok_or_else(|| AdminError::refused("ttlSeconds is a number of seconds from 1, such as 3600"))
}

fn refuse_child(agent: &Agent) -> Result<(), AdminError> {
    match agent.parent_id {
        None => Ok(()),
        Some(_) => Err(AdminError::refused("a child agent may use what its parent may; change the parent")),
    }
}
