//! The API: a file for each resource, with its calls, their errors, docs and tests.

mod agents;
mod audit;
mod audit_export;
mod auth;
mod backend;
mod body;
mod container_config;
mod documents;
mod error;
mod front;
mod gateway;
mod health;
mod rules;
mod secrets;
mod serve;
mod settings;
mod skill;
#[cfg(test)]
mod testing;
mod trust;

pub(crate) use backend::{Backend, Reach};
pub(crate) use front::AllowedHosts;
pub(crate) use serve::{ApiServer, LocalSocket};
pub(crate) use trust::bundle as trust_bundle;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response, Route, endpoint::BoxEndpoint};
use poem_openapi::{OpenApi, OpenApiService, Tags};

use front::Front;

/// What the calls are about.
#[derive(Tags)]
enum Topic {
    /// Whether the daemon can serve.
    Health,
    /// The principals that send requests.
    Agents,
    /// Stored credentials. Their values go in and never come out.
    Secrets,
    /// What may pass.
    Rules,
    /// Who accessed what and when.
    Audit,
    /// How agents reach the gateway.
    Gateway,
    /// The policy beside agents, secrets and rules.
    Settings,
}

/// Every call. The document is made from these too.
fn calls() -> OpenApiService<impl OpenApi, ()> {
    let calls = (
        health::HealthCalls,
        agents::AgentCalls,
        secrets::SecretCalls,
        rules::RuleCalls,
        skill::SkillCalls,
        audit::AuditCalls,
        container_config::ContainerConfigCalls,
        gateway::GatewayCalls,
        settings::SettingCalls,
    );
    OpenApiService::new(calls, "OneCLI", env!("CARGO_PKG_VERSION"))
        .description(
            "Every call is also under /api. Errors are `{\"error\": \"what is wrong and how to mend it\"}`.",
        )
        .server("/")
}

/// The API as one endpoint, which answers everything, errors too.
pub(crate) fn app(backend: Arc<Backend>, hosts: AllowedHosts) -> Arc<BoxEndpoint<'static, Response>> {
    let service = calls();
    let route = Route::new()
        .at("/v1/openapi.json", poem::get(documents::document(service.spec(), "application/json")))
        .at("/v1/openapi.yaml", poem::get(documents::document(service.spec_yaml(), "application/yaml")))
        .at("/v1/docs", poem::get(documents::page(service.rapidoc_html())))
        .nest("/", service)
        .data(backend)
        .map_to_response();
    Arc::new(Front::new(route, hosts).map_to_response().boxed())
}

/// The endpoint for peers of the local socket, who need no key: only the owner of the data dir can open it.
pub(crate) fn local(app: &Arc<BoxEndpoint<'static, Response>>) -> impl Endpoint<Output = Response> + use<> {
    Arc::clone(app).data(auth::LocalPeer).map_to_response()
}
