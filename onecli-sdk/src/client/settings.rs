//! Calls about the settings of the policy.

use reqwest::Method;

use super::{Client, Error};
use crate::types::{Settings, UpdateSettings};

impl Client {
    /// The settings.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn settings(&self) -> Result<Settings, Error> {
        self.get("v1/settings", &[]).await
    }

    /// Changes settings.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_settings(&self, changes: &UpdateSettings) -> Result<Settings, Error> {
        self.send_json(Method::PATCH, "v1/settings", changes).await
    }
}
