//! Rules.

use super::{Admin, AdminError, names};
use crate::{
    clock,
    model::{Action, AgentId, Condition, PathPattern, Rule, RuleId},
};

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// Its name.
    pub name: String,
    /// The hosts that it is about.
    pub host_pattern: String,
    /// The paths that it is about; none: all.
    pub path_pattern: Option<String>,
    /// The methods that it is about; none: all.
    pub methods: Vec<String>,
    /// What else a request must be like.
    pub conditions: Vec<Condition>,
    /// What happens to a request that it matches.
    pub action: Action,
    /// Whether it counts.
    pub enabled: bool,
    /// The agent that it is about; none: all.
    pub agent_id: Option<AgentId>,
}

/// What to change of a rule; what is absent is kept.
#[derive(Clone, Debug, Default)]
pub struct RuleChange {
    /// Its name.
    pub name: Option<String>,
    /// The hosts that it is about.
    pub host_pattern: Option<String>,
    /// The paths that it is about; cleared: all.
    pub path_pattern: Option<Option<String>>,
    /// The methods that it is about; empty: all.
    pub methods: Option<Vec<String>>,
    /// What else a request must be like.
    pub conditions: Option<Vec<Condition>>,
    /// What happens to a request that it matches.
    pub action: Option<Action>,
    /// Whether it counts.
    pub enabled: Option<bool>,
    /// The agent that it is about; cleared: all.
    pub agent_id: Option<Option<AgentId>>,
}

impl Admin {
    /// All rules, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn rules(&self) -> Result<Vec<Rule>, AdminError> {
        Ok(self.store.list_rules().await?)
    }

    /// One rule.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn rule(&self, id: RuleId) -> Result<Rule, AdminError> {
        let found = self.rules().await?.into_iter().find(|rule| rule.id == id);
        found.ok_or_else(|| AdminError::NotFound(format!("rule {id}; the list of rules has their ids")))
    }

    /// Makes a rule.
    ///
    /// # Errors
    /// If a pattern or method is invalid, or its agent is unknown.
    pub async fn create_rule(&self, new: NewRule) -> Result<Rule, AdminError> {
        let _writing = self.begin_write().await;
        let now = clock::now();
        self.check_agent(new.agent_id).await?;
        let rule = Rule {
            id: RuleId::generate(),
            name: names::check(&new.name)?,
            host_pattern: new.host_pattern.trim().parse()?,
            path_pattern: path_for(new.path_pattern.as_deref())?,
            methods: methods_for(&new.methods)?,
            conditions: Condition::check_all(&new.conditions)?,
            action: new.action,
            enabled: new.enabled,
            agent_id: new.agent_id,
            created_at: now,
            updated_at: now,
        };
        let version = self.store.create_rule(&rule).await?;
        self.in_force(version).await?;
        Ok(rule)
    }

    /// Changes a rule.
    ///
    /// # Errors
    /// If there is none of that id, a pattern or method is invalid, or its agent is unknown.
    pub async fn update_rule(&self, id: RuleId, change: RuleChange) -> Result<Rule, AdminError> {
        let _writing = self.begin_write().await;
        let mut rule = self.rule(id).await?;
        if let Some(name) = &change.name {
            rule.name = names::check(name)?;
        }
        if let Some(pattern) = &change.host_pattern {
            rule.host_pattern = pattern.trim().parse()?;
        }
        if let Some(pattern) = &change.path_pattern {
            rule.path_pattern = path_for(pattern.as_deref())?;
        }
        if let Some(methods) = &change.methods {
            rule.methods = methods_for(methods)?;
        }
        if let Some(conditions) = &change.conditions {
            rule.conditions = Condition::check_all(conditions)?;
        }
        if let Some(agent_id) = change.agent_id {
            self.check_agent(agent_id).await?;
            rule.agent_id = agent_id;
        }
        rule.action = change.action.unwrap_or(rule.action);
        rule.enabled = change.enabled.unwrap_or(rule.enabled);
        rule.updated_at = clock::now();
        let version = self.store.update_rule(&rule).await?;
        self.in_force(version).await?;
        Ok(rule)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn delete_rule(&self, id: RuleId) -> Result<(), AdminError> {
        let _writing = self.begin_write().await;
        self.rule(id).await?;
        let version = self.store.delete_rule(id).await?;
        self.in_force(version).await
    }

    async fn check_agent(&self, id: Option<AgentId>) -> Result<(), AdminError> {
        let Some(id) = id else { return Ok(()) };
        match self.agents().await?.iter().any(|agent| agent.id == id) {
            true => Ok(()),
            false => Err(AdminError::refused(format!(
                "agentId {id} is no agent's; the list of agents has their ids"
            ))),
        }
    }
}

fn path_for(pattern: Option<&str>) -> Result<PathPattern, AdminError> {
    Ok(pattern.map_or_else(|| Ok(PathPattern::any()), |text| text.trim().parse())?)
}

/// Upper-cased, each once.
fn methods_for(methods: &[String]) -> Result<Vec<String>, AdminError> {
    let mut kept: Vec<String> = Vec::with_capacity(methods.len());
    for method in methods {
        let upper = method.trim().to_ascii_uppercase();
        if upper.len() > 32 || http::Method::from_bytes(upper.as_bytes()).is_err() {
            let shown: String = method.escape_debug().take(40).collect();
            return Err(AdminError::refused(format!("`{shown}` is not a method; write one such as POST")));
        }
        if !kept.contains(&upper) {
            kept.push(upper);
        }
    }
    Ok(kept)
}
