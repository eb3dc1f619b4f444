//! Calls about rules.

use reqwest::Method;
use uuid::Uuid;

use super::{Client, Error};
use crate::types::{CreateRule, Rule, UpdateRule};

impl Client {
    /// All rules.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rules(&self) -> Result<Vec<Rule>, Error> {
        self.get_all("v1/rules").await
    }

    /// Makes a rule; it is in force when this answers.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_rule(&self, rule: &CreateRule) -> Result<Rule, Error> {
        self.send_json(Method::POST, "v1/rules", rule).await
    }

    /// One rule.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rule(&self, id: Uuid) -> Result<Rule, Error> {
        self.get(&format!("v1/rules/{id}"), &[]).await
    }

    /// Changes a rule.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_rule(&self, id: Uuid, changes: &UpdateRule) -> Result<Rule, Error> {
        self.send_json(Method::PATCH, &format!("v1/rules/{id}"), changes).await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_rule(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("v1/rules/{id}")).await
    }
}
