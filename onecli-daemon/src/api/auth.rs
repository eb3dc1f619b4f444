//! Who calls, and what they may do. A handler asks for a guard as an argument, so none can forget it.

use std::sync::Arc;

use onecli_core::{
    clock,
    store::{ApiKeyRow, Role},
};
use poem::{Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{backend::Backend, error::Problem};

/// Marks requests of the local socket, which only the owner of the data dir can open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalPeer;

const SCHEME: &str = "apiKey";

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(());

        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            async fn from_request(
                request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>,
            ) -> Result<Self> {
                require(request, $role).await?;
                Ok(Self(()))
            }
        }
    };
}

guard!(
    /// A caller that may read lists and the audit log.
    Viewer,
    Role::Viewer
);
guard!(
    /// A caller that may also change agents, secrets and rules, and be handed tokens.
    Admin,
    Role::Admin
);
guard!(
    /// A caller that may also change settings.
    Owner,
    Role::Owner
);

fn register(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some("An API key, `oc_…`. The local socket of the data dir needs none."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        },
    );
}

async fn require(request: &Request, needed: Role) -> Result<(), Problem> {
    let role = role_of(request).await?;
    match role >= needed {
        true => Ok(()),
        false => Err(Problem::forbidden(format!(
            "this needs the role {}, and your key has the role {}; use another key",
            needed.as_str(),
            role.as_str()
        ))),
    }
}

async fn role_of(request: &Request) -> Result<Role, Problem> {
    if request.data::<LocalPeer>().is_some() {
        return Ok(Role::Owner);
    }
    let backend = request.data::<Arc<Backend>>().ok_or_else(Problem::internal)?;
    let key = bearer(request).ok_or_else(|| {
        Problem::unauthorized(
            "this needs an API key: send `Authorization: Bearer oc_…`; \
             the owner's key for this machine is in the file api-key of the data dir",
        )
    })?;
    if key.starts_with("aoc_") {
        return Err(Problem::unauthorized(
            "this is an agent's access token, which counts on the gateway alone; send an API key (`oc_…`)",
        ));
    }
    let found = backend.store.find_api_key(&backend.vault.hash_token(key)).await?;
    match found.filter(is_valid) {
        Some(row) => Ok(row.role),
        None => Err(Problem::unauthorized("this API key is unknown, expired or deleted; use another one")),
    }
}

fn is_valid(row: &ApiKeyRow) -> bool {
    row.expires_at.is_none_or(|end| clock::now() < end)
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, key) = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use onecli_core::store::Role;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn each_role_may_do_what_it_may() {
        let api = TestApi::new().await;
        for (role, agents, settings) in
            [(Role::Viewer, 403, 403), (Role::Admin, 201, 403), (Role::Owner, 201, 200)]
        {
            let key = api.key(role).await;
            let body = serde_json::json!({"name": "x", "identifier": role.as_str()});
            assert_eq!(api.send_as(&key, "GET", "/v1/agents", None).await.0, 200);
            assert_eq!(api.send_as(&key, "POST", "/v1/agents", Some(body)).await.0, agents);
            assert_eq!(api.send_as(&key, "GET", "/v1/settings", None).await.0, settings);
        }
    }

    #[tokio::test]
    async fn without_a_key_there_is_nothing() {
        let api = TestApi::new().await;
        for key in ["", "oc_unknown", "aoc_agent"] {
            let (status, body) = api.send_as(key, "GET", "/v1/agents", None).await;
            assert_eq!(status, 401, "{key}");
            assert!(body["error"].is_string());
            assert!(!body.to_string().contains("oc_unknown"));
        }
        let token = api.agent_token().await;
        assert_eq!(api.send_as(&token, "GET", "/v1/agents", None).await.0, 401);
    }

    #[tokio::test]
    async fn the_local_socket_needs_no_key() {
        let api = TestApi::new().await;
        assert_eq!(api.send_locally("GET", "/v1/settings", None).await.0, 200);
    }
}
