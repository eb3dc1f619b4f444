//! The settings of the policy.

use std::sync::Arc;

use onecli_core::{
    admin::SettingsChange,
    model::{self, PolicySettings},
};
use onecli_sdk::types::{DefaultPolicy, Intercept, Settings, UpdateSettings};
use poem::web::Data;
use poem_openapi::{OpenApi, payload::Json};

use super::{Topic, auth::Owner, backend::Backend, body::Body, error::Problem};

pub(super) struct SettingCalls;

#[OpenApi(prefix_path = "/v1", tag = "Topic::Settings")]
impl SettingCalls {
    /// The settings
    #[oai(path = "/settings", method = "get", operation_id = "getSettings")]
    async fn get(
        &self, _guard: Owner, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Settings>, Problem> {
        Ok(Json(wire(&backend.admin.settings().await?)))
    }

    /// Changes settings
    ///
    /// From then on they win over their variables.
    #[oai(path = "/settings", method = "patch", operation_id = "updateSettings")]
    async fn update(
        &self, _guard: Owner, Data(backend): Data<&Arc<Backend>>, Body(change): Body<UpdateSettings>,
    ) -> Result<Json<Settings>, Problem> {
        let change = SettingsChange {
            default_policy: change.default_policy.map(|policy| match policy {
                DefaultPolicy::Allow => model::DefaultPolicy::Allow,
                DefaultPolicy::Deny => model::DefaultPolicy::Deny,
            }),
            intercept: change.intercept.map(|intercept| match intercept {
                Intercept::All => model::Intercept::All,
                Intercept::Matched => model::Intercept::Matched,
            }),
            passthrough_hosts: change.passthrough_hosts,
            allow_private: change.allow_private,
            audit_retention_days: change.audit_retention_days,
        };
        Ok(Json(wire(&backend.admin.change_settings(change).await?)))
    }
}

fn wire(settings: &PolicySettings) -> Settings {
    Settings {
        default_policy: match settings.default_policy {
            model::DefaultPolicy::Allow => DefaultPolicy::Allow,
            model::DefaultPolicy::Deny => DefaultPolicy::Deny,
        },
        intercept: match settings.intercept {
            model::Intercept::All => Intercept::All,
            model::Intercept::Matched => Intercept::Matched,
        },
        passthrough_hosts: settings.passthrough_hosts.iter().map(ToString::to_string).collect(),
        allow_private: settings.allow_private.iter().map(ToString::to_string).collect(),
        audit_retention_days: settings.audit_retention_days,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn settings_change_or_are_refused_whole() {
        let api = TestApi::new().await;
        let change = json!({"defaultPolicy": "deny", "allowPrivate": ["10.1.2.3/8"]});
        let (status, settings) = api.send_locally("PATCH", "/v1/settings", Some(change)).await;
        assert_eq!(status, 200, "{settings}");
        assert_eq!(
            settings,
            json!({"defaultPolicy": "deny", "intercept": "all", "passthroughHosts": [], "allowPrivate": ["10.0.0.0/8"], "auditRetentionDays": 90})
        );
        for (change, status) in [
            (json!({"auditRetentionDays": 0}), 422),
            (json!({"defaultPolicy": "allow", "allowPrivate": ["*"]}), 422),
            (json!({"intercept": "some"}), 400),
            (json!({"passthroughHosts": ["https://x"]}), 422),
        ] {
            assert_eq!(
                api.send_locally("PATCH", "/v1/settings", Some(change.clone())).await.0,
                status,
                "{change}"
            );
        }
        assert_eq!(api.send_locally("GET", "/v1/settings", None).await.1, settings);
    }
}
