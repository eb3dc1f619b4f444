//! Calls about secrets.

use reqwest::Method;
use uuid::Uuid;

use super::{Client, Error};
use crate::types::{CreateSecret, Secret, UpdateSecret};

impl Client {
    /// All secrets, without their values.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn secrets(&self) -> Result<Vec<Secret>, Error> {
        self.get_all("v1/secrets").await
    }

    /// Stores a secret.
    ///
    /// # Errors
    /// [`Error::Conflict`] if its name is taken; else see [`Error`].
    pub async fn create_secret(&self, secret: &CreateSecret) -> Result<Secret, Error> {
        self.send_json(Method::POST, "v1/secrets", secret).await
    }

    /// One secret, without its value.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn secret(&self, id: Uuid) -> Result<Secret, Error> {
        self.get(&format!("v1/secrets/{id}"), &[]).await
    }

    /// Changes a secret. A change of where it goes or how it is put in needs its value again.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_secret(&self, id: Uuid, changes: &UpdateSecret) -> Result<Secret, Error> {
        self.send_json(Method::PATCH, &format!("v1/secrets/{id}"), changes).await
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_secret(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("v1/secrets/{id}")).await
    }
}
