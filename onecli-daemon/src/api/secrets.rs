//! Secrets. A value goes in and never comes out.

use std::sync::Arc;

use onecli_core::{
    admin::{AdminError, ListedSecret, NewSecret, SecretChange},
    model::{self, Injection, SecretId},
    vault::Plaintext,
};
use onecli_sdk::types::{
    CreateSecret, InjectionConfig, Patch, Secret, SecretInput, SecretType, UpdateSecret,
};
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    Topic,
    auth::{Admin, Viewer},
    backend::Backend,
    body::Body,
    error::Problem,
};

pub(super) struct SecretCalls;

#[derive(ApiResponse)]
enum Created {
    /// The secret, without its value.
    #[oai(status = 201)]
    Secret(Json<Secret>),
}

#[derive(ApiResponse)]
enum Deleted {
    /// It is gone.
    #[oai(status = 204)]
    Gone,
}

#[OpenApi(prefix_path = "/v1", tag = "Topic::Secrets")]
impl SecretCalls {
    /// All secrets, oldest first, without their values
    #[oai(path = "/secrets", method = "get", operation_id = "listSecrets")]
    async fn list(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Vec<Secret>>, Problem> {
        Ok(Json(backend.admin.secrets().await?.into_iter().map(wire).collect()))
    }

    /// Seals and stores a secret
    #[oai(path = "/secrets", method = "post", operation_id = "createSecret")]
    async fn create(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Body(new): Body<CreateSecret>,
    ) -> Result<Created, Problem> {
        let new = NewSecret {
            name: new.name,
            kind: kind(new.kind),
            value: plaintext(new.value),
            host_pattern: new.host_pattern,
            path_pattern: new.path_pattern,
            injection: new.injection_config.as_ref().map(injection).transpose()?,
            allow_plain_http: new.allow_plain_http.unwrap_or_default(),
            expires_at: new.expires_at,
        };
        Ok(Created::Secret(Json(wire(backend.admin.create_secret(new).await?))))
    }

    /// One secret, without its value
    #[oai(path = "/secrets/:id", method = "get", operation_id = "getSecret")]
    async fn get(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
    ) -> Result<Json<Secret>, Problem> {
        Ok(Json(wire(backend.admin.secret(SecretId(id)).await?)))
    }

    /// Changes a secret
    ///
    /// To change where it goes or how takes its value again.
    #[oai(path = "/secrets/:id", method = "patch", operation_id = "updateSecret")]
    async fn update(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
        Body(change): Body<UpdateSecret>,
    ) -> Result<Json<Secret>, Problem> {
        let change = SecretChange {
            name: change.name,
            kind: change.kind.map(kind),
            value: change.value.map(plaintext),
            host_pattern: change.host_pattern,
            path_pattern: cleared_or_set(change.path_pattern),
            injection: cleared_or_set(change.injection_config.try_map(|config| injection(&config))?),
            allow_plain_http: change.allow_plain_http,
            expires_at: cleared_or_set(change.expires_at),
        };
        Ok(Json(wire(backend.admin.update_secret(SecretId(id), change).await?)))
    }

    /// Deletes a secret
    #[oai(path = "/secrets/:id", method = "delete", operation_id = "deleteSecret")]
    async fn delete(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
    ) -> Result<Deleted, Problem> {
        backend.admin.delete_secret(SecretId(id)).await?;
        Ok(Deleted::Gone)
    }
}

/// Absent: none; `null`: none inside.
pub(super) fn cleared_or_set<T>(patch: Patch<T>) -> Option<Option<T>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(value) => Some(Some(value)),
    }
}

fn plaintext(input: SecretInput) -> Plaintext {
    // Taken out of its wrapper whole, so that no copy stays behind.
    let mut text = input.into_inner();
    Plaintext::from(std::mem::take(&mut *text))
}

fn kind(kind: SecretType) -> model::SecretType {
    match kind {
        SecretType::Generic => model::SecretType::Generic,
        SecretType::Anthropic => model::SecretType::Anthropic,
        SecretType::Openai => model::SecretType::Openai,
    }
}

fn injection(config: &InjectionConfig) -> Result<Injection, AdminError> {
    const ALONE: &str = "{value}";
    let InjectionConfig {
        header_name,
        value_format,
        basic_username,
        param_name,
        param_format,
        path_template,
    } = config;
    match (header_name, basic_username, param_name, path_template) {
        (Some(name), None, None, None) if param_format.is_none() => {
            Ok(Injection::header(name, value_format.as_deref().unwrap_or(ALONE))?)
        }
        (None, Some(username), None, None) if value_format.is_none() && param_format.is_none() => {
            Ok(Injection::basic(username)?)
        }
        (None, None, Some(name), None) if value_format.is_none() => {
            Ok(Injection::query(name, param_format.as_deref().unwrap_or(ALONE))?)
        }
        (None, None, None, Some(template)) if value_format.is_none() && param_format.is_none() => {
            Ok(Injection::path(template)?)
        }
        _ => Err(AdminError::Refused(
            "injectionConfig is one of {headerName, valueFormat?}, {basicUsername}, {paramName, paramFormat?} and \
             {pathTemplate}"
                .into(),
        )),
    }
}

fn wire(listed: ListedSecret) -> Secret {
    let ListedSecret { secret, warnings } = listed;
    let (kind, injection_config) = match secret.kind {
        model::SecretType::Generic => (SecretType::Generic, Some(injection_config(&secret.injection))),
        model::SecretType::Anthropic => (SecretType::Anthropic, None),
        model::SecretType::Openai => (SecretType::Openai, None),
    };
    Secret {
        id: secret.id.0,
        name: secret.name,
        kind,
        type_label: secret.kind.label().to_owned(),
        host_pattern: secret.host_pattern.to_string(),
        path_pattern: Some(secret.path_pattern).filter(|path| !path.is_any()).map(|path| path.to_string()),
        injection_config,
        allow_plain_http: secret.allow_plain_http,
        preview: secret.preview,
        warnings,
        created_at: secret.created_at,
        updated_at: secret.updated_at,
        last_used_at: secret.last_used_at,
        expires_at: secret.expires_at,
    }
}

fn injection_config(injection: &Injection) -> InjectionConfig {
    match injection {
        Injection::Header { name, format, .. } => InjectionConfig {
            header_name: Some(name.to_string()),
            value_format: Some(String::from(format.clone())),
            ..InjectionConfig::default()
        },
        Injection::Basic { username } => {
            InjectionConfig { basic_username: Some(username.clone()), ..InjectionConfig::default() }
        }
        Injection::Query { name, format } => InjectionConfig {
            param_name: Some(name.clone()),
            param_format: Some(String::from(format.clone())),
            ..InjectionConfig::default()
        },
        Injection::Path { template } => {
            InjectionConfig { path_template: Some(template.to_string()), ..InjectionConfig::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::api::testing::TestApi;

    fn github() -> Value {
        json!({
            "name": "GitHub", "type": "generic", "value": "canary-0123456789", "hostPattern": "api.github.com",
            "injectionConfig": {"headerName": "Authorization", "valueFormat": "Bearer {value}"},
        })
    }

    #[tokio::test]
    async fn a_value_never_comes_out() {
        let api = TestApi::new().await;
        let (status, secret) = api.send_locally("POST", "/v1/secrets", Some(github())).await;
        assert_eq!(status, 201, "{secret}");
        assert_eq!((&secret["preview"], &secret["typeLabel"]), (&json!("6789"), &json!("Generic")));
        let path = format!("/v1/secrets/{}", secret["id"].as_str().unwrap());
        let moved = api.send_locally("PATCH", &path, Some(json!({"hostPattern": "evil.test"}))).await;
        assert_eq!(moved.0, 422, "{}", moved.1);
        let renamed =
            api.send_locally("PATCH", &path, Some(json!({"name": "GH", "pathPattern": null}))).await;
        assert_eq!((renamed.0, &renamed.1["name"]), (200, &json!("GH")));
        let listed = api.send_locally("GET", "/v1/secrets", None).await;
        for answer in [&secret, &moved.1, &renamed.1, &listed.1] {
            assert!(!answer.to_string().contains("canary"), "{answer}");
        }
        assert_eq!(api.send_locally("DELETE", &path, None).await.0, 204);
        assert_eq!(api.send_locally("GET", &path, None).await.0, 404);
    }

    #[tokio::test]
    async fn refuses_with_the_right_status_and_shows_no_value() {
        let api = TestApi::new().await;
        for (field, value, status) in [
            ("hostPattern", json!("*.com"), 422),
            ("hostPattern", json!("https://x"), 422),
            ("value", json!("canary\nline"), 422),
            ("value", json!(["canary"]), 400),
            ("value", json!(""), 422),
            ("type", json!("canary"), 400),
            ("injectionConfig", json!({"paramName": "a b"}), 422),
            ("injectionConfig", json!({"paramName": "a", "valueFormat": "{value}"}), 422),
            ("injectionConfig", json!({"pathTemplate": "/bot/*"}), 422),
            ("injectionConfig", json!({"headerName": "host"}), 422),
            ("injectionConfig", json!({"headerName": "x", "basicUsername": "y"}), 422),
            ("injectionConfig", json!({"canary": 1}), 400),
            ("expiresAt", json!("2020-01-01T00:00:00Z"), 422),
            ("expiresAt", json!("tomorrow"), 400),
        ] {
            let mut new = github();
            new[field] = value;
            let (found, told) = api.send_locally("POST", "/v1/secrets", Some(new.clone())).await;
            assert_eq!(found, status, "{new}: {told}");
            assert!(!told.to_string().contains("canary-"), "{told}");
        }
        assert_eq!(api.send_locally("GET", "/v1/secrets", None).await.1, json!([]));
    }
}
