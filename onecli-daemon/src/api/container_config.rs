//! What an agent's environment gets.

use std::{collections::BTreeMap, sync::Arc};

use onecli_core::{
    clock,
    model::{Secret, SecretType},
};
use onecli_sdk::types::ContainerConfig;
use poem::web::Data;
use poem_openapi::{OpenApi, param::Query, payload::Json};
use time::OffsetDateTime;

use super::{Topic, auth::Admin, backend::Backend, error::Problem};

pub(super) struct ContainerConfigCalls;

const BUNDLE_PATH: &str = "/tmp/onecli-gateway-ca.pem";
const PLACEHOLDER: &str = "placeholder";

/// Variables that take the proxy.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"];

/// Variables that add to, or replace, what a tool trusts.
const TRUST: [&str; 11] = [
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "PIP_CERT",
    "npm_config_cafile",
];

/// What makes tools take the proxy and its credentials.
const BEHAVIOUR: [(&str, &str); 3] =
    [("NODE_USE_ENV_PROXY", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_HTTP_PROXY_AUTHMETHOD", "basic")];

/// Variables without which a tool asks for a key: for which type, at which host, in which header.
const PLACEHOLDERS: [(&str, SecretType, &str, &str); 3] = [
    ("ANTHROPIC_API_KEY", SecretType::Anthropic, "api.anthropic.com", "x-api-key"),
    ("CLAUDE_CODE_OAUTH_TOKEN", SecretType::Anthropic, "api.anthropic.com", "authorization"),
    ("OPENAI_API_KEY", SecretType::Openai, "api.openai.com", "authorization"),
];

#[OpenApi(prefix_path = "/v1", tag = "Topic::Gateway")]
impl ContainerConfigCalls {
    /// What an agent's container or process needs to go through the gateway
    ///
    /// The answer holds the agent's access token.
    #[oai(path = "/container-config", method = "get", operation_id = "getContainerConfig")]
    async fn get(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>,
        /// Identifier or id; absent: the default agent.
        agent: Query<Option<String>>,
    ) -> Result<Json<ContainerConfig>, Problem> {
        let agent = match agent.0.as_deref() {
            Some(reference) => backend.admin.agent(reference).await?,
            None => backend.admin.default_agent().await?,
        };
        let token = backend.admin.agent_token(agent.id).await?;
        let proxy = format!("http://x:{}@{}", token.reveal(), backend.reach.for_containers());
        let secrets = backend.admin.usable_secrets(&agent).await?;
        let warnings = backend.admin.agent_warnings(&agent).await?;
        Ok(Json(ContainerConfig {
            env: environment(&proxy, placeholders(&secrets, clock::now())),
            ca_certificate: backend.trust_bundle.clone(),
            ca_certificate_container_path: BUNDLE_PATH.into(),
            credential_stubs: None,
            warnings: Some(warnings).filter(|warnings| !warnings.is_empty()),
        }))
    }
}

fn environment(proxy: &str, placeholders: impl Iterator<Item = &'static str>) -> BTreeMap<String, String> {
    let proxies = PROXY.iter().map(|name| (*name, proxy));
    let trust = TRUST.iter().map(|name| (*name, BUNDLE_PATH));
    let placeholders = placeholders.map(|name| (name, PLACEHOLDER));
    let all = proxies.chain(trust).chain(BEHAVIOUR).chain(placeholders);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The variables for which one of an agent's secrets can be put in.
fn placeholders(secrets: &[Secret], now: OffsetDateTime) -> impl Iterator<Item = &'static str> {
    let fits = move |kind: SecretType, host: &str, header: &str| {
        secrets.iter().any(|secret| {
            (secret.kind == kind || secret.host_pattern.matches(host, 443, Some(443)))
                && secret.injection.slot().is_header(header)
                && secret.expires_at.is_none_or(|end| now < end)
        })
    };
    PLACEHOLDERS
        .into_iter()
        .filter(move |(_, kind, host, header)| fits(*kind, host, header))
        .map(|(name, ..)| name)
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn an_agent_gets_its_proxy_its_trust_and_no_secret() {
        let api = TestApi::new().await;
        let secret = json!({"name": "a", "type": "anthropic", "value": "sk-ant-oat01-canary"});
        assert_eq!(api.send_locally("POST", "/v1/secrets", Some(secret)).await.0, 201);
        let (status, config) = api.send_locally("GET", "/v1/container-config", None).await;
        assert_eq!(status, 200, "{config}");
        let token = api.agent_token().await;
        let env = &config["env"];
        assert_eq!(env["HTTPS_PROXY"], format!("http://x:{token}@host.docker.internal:10255"));
        assert_eq!(
            (&env["SSL_CERT_FILE"], &env["GIT_TERMINAL_PROMPT"]),
            (&json!("/tmp/onecli-gateway-ca.pem"), &json!("0"))
        );
        assert_eq!(env["CLAUDE_CODE_OAUTH_TOKEN"], "placeholder");
        assert!(env.get("ANTHROPIC_API_KEY").is_none() && env.get("OPENAI_API_KEY").is_none());
        assert!(config["caCertificate"].as_str().unwrap().starts_with("ROOT"));
        assert!(!config.to_string().contains("canary"));
        assert_eq!(api.send_locally("GET", "/v1/container-config?agent=nobody", None).await.0, 404);
        assert!(config.get("warnings").is_none(), "{config}");
    }

    #[tokio::test]
    async fn warns_of_what_will_not_go_as_expected() {
        let api = TestApi::new().await;
        for name in ["one", "two"] {
            let secret = json!({"name": name, "type": "openai", "value": "sk-canary"});
            assert_eq!(api.send_locally("POST", "/v1/secrets", Some(secret)).await.0, 201);
        }
        let settings = json!({"defaultPolicy": "deny", "passthroughHosts": ["*.openai.com"]});
        assert_eq!(api.send_locally("PATCH", "/v1/settings", Some(settings)).await.0, 200);
        let (_, config) = api.send_locally("GET", "/v1/container-config", None).await;
        let told = config["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect::<Vec<_>>();
        assert_eq!(told.len(), 4, "{told:#?}");
        for part in [
            "`one` and `two` fit the same requests",
            "`one` is never put in",
            "`two` is never put in",
            "no rule grants",
        ] {
            assert!(told.iter().any(|text| text.contains(part)), "{part}: {told:#?}");
        }
        let rule = json!({"name": "x", "hostPattern": "x", "action": "allow"});
        assert_eq!(api.send_locally("POST", "/v1/rules", Some(rule)).await.0, 201);
        let (_, config) = api.send_locally("GET", "/v1/container-config", None).await;
        assert_eq!(config["warnings"].as_array().unwrap().len(), 3);
    }
}
