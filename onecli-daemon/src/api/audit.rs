//! The audit log.

use std::{borrow::Cow, sync::Arc, time::Duration};

use onecli_core::{
    model::{self, AgentId, Host, RuleId, SecretId},
    store::AuditQuery,
};
use onecli_sdk::types::{AuditDecision, AuditEvent, AuditFormat, AuditKind, AuditLimit};
use poem::{Body, web::Data};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::Query,
    payload::{Binary, Json, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Topic, audit_export::Export, auth::Viewer, backend::Backend, error::Problem};

pub(super) struct AuditCalls;

/// How long a read waits for what finished before it.
const PATIENCE: Duration = Duration::from_secs(5);
const USUAL_LIMIT: u32 = 100;
const HIGHEST_LIMIT: u32 = 1_000;

#[derive(ApiResponse)]
enum Page {
    /// Newest arrival first.
    #[oai(status = 200)]
    Events(
        Json<Vec<AuditEvent>>,
        /// The cursor of the next page; absent on the last one. There may be one although the page is not full: it took too long to look
        /// further.
        #[oai(header = "x-next-cursor")]
        Option<String>,
    ),
}

#[OpenApi(prefix_path = "/v1", tag = "Topic::Audit")]
impl AuditCalls {
    /// Audit events, newest first
    ///
    /// Every condition that is given must hold. What finished before the call on this daemon is in the answer.
    #[oai(path = "/audit", method = "get", operation_id = "listAudit")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
        /// Of this agent: identifier or id.
        agent: Query<Option<String>>,
        /// To this host.
        host: Query<Option<String>>,
        /// That ended so.
        decision: Query<Option<AuditDecision>>,
        /// With this method.
        method: Query<Option<String>>,
        /// Answered with this status.
        status: Query<Option<u16>>,
        /// Into which this secret was put: its id.
        secret: Query<Option<Uuid>>,
        /// Decided by this rule: its id.
        rule: Query<Option<Uuid>>,
        /// Into which any secret was put, or none.
        injected: Query<Option<bool>>,
        /// Received at or after this time.
        since: Query<Option<OffsetDateTime>>,
        /// Received before this time.
        until: Query<Option<OffsetDateTime>>,
        /// With this text in host, path, agent's name, rule's name, reason or error.
        q: Query<Option<String>>,
        /// How many at the most, 1 to 1,000; absent: 100.
        limit: Query<Option<u32>>,
        /// From where to go on: `x-next-cursor` of the page before.
        cursor: Query<Option<u64>>,
    ) -> Result<Page, Problem> {
        let limit = limit.0.unwrap_or(USUAL_LIMIT);
        if !(1..=HIGHEST_LIMIT).contains(&limit) {
            return Err(Problem::bad_request("limit is a number from 1 to 1000"));
        }
        let query = AuditQuery {
            agent: agent_id(backend, agent.0).await?,
            host: host.0.map(canonical),
            decision: decision.0.and_then(stored),
            method: method.0.map(|method| method.to_ascii_uppercase()),
            status: status.0,
            secret: secret.0.map(SecretId),
            rule: rule.0.map(RuleId),
            injected: injected.0,
            since: since.0,
            until: until.0,
            text: q.0,
            limit,
            cursor: cursor.0,
        };
        backend.recorder.flush(PATIENCE).await?;
        let page = backend.store.query_events(&query).await?;
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(Page::Events(Json(page.events.into_iter().map(wire).collect()), next))
    }

    /// All audit events that fit, newest first, as a file
    ///
    /// The conditions are those of the list. In CSV a text that a spreadsheet would run begins with `'`.
    #[oai(path = "/audit/export", method = "get", operation_id = "exportAudit")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn export(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
        /// One JSON object on each line, or CSV; absent: the first.
        format: Query<Option<AuditFormat>>,
        /// Of this agent: identifier or id.
        agent: Query<Option<String>>,
        /// To this host.
        host: Query<Option<String>>,
        /// That ended so.
        decision: Query<Option<AuditDecision>>,
        /// With this method.
        method: Query<Option<String>>,
        /// Answered with this status.
        status: Query<Option<u16>>,
        /// Into which this secret was put: its id.
        secret: Query<Option<Uuid>>,
        /// Decided by this rule: its id.
        rule: Query<Option<Uuid>>,
        /// Into which any secret was put, or none.
        injected: Query<Option<bool>>,
        /// Received at or after this time.
        since: Query<Option<OffsetDateTime>>,
        /// Received before this time.
        until: Query<Option<OffsetDateTime>>,
        /// With this text in host, path, agent's name, rule's name, reason or error.
        q: Query<Option<String>>,
    ) -> Result<Response<Binary<Body>>, Problem> {
        let query = AuditQuery {
            agent: agent_id(backend, agent.0).await?,
            host: host.0.map(canonical),
            decision: decision.0.and_then(stored),
            method: method.0.map(|method| method.to_ascii_uppercase()),
            status: status.0,
            secret: secret.0.map(SecretId),
            rule: rule.0.map(RuleId),
            injected: injected.0,
            since: since.0,
            until: until.0,
            text: q.0,
            limit: HIGHEST_LIMIT,
            cursor: None,
        };
        backend.recorder.flush(PATIENCE).await?;
        let format = format.0.unwrap_or(AuditFormat::Ndjson);
        let export = Export::new(Arc::clone(&backend.store), query, format);
        Ok(Response::new(Binary(export.body()))
            .header("content-type", export_type(format))
            .header("content-disposition", export_name(format)))
    }
}

fn canonical(host: String) -> String {
    Host::parse(&host).map_or(host, |host| host.as_str().to_owned())
}

fn stored(decision: AuditDecision) -> Option<model::Decision> {
    model::Decision::from_name(decision.as_str())
}

fn export_type(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Ndjson => "application/x-ndjson",
        AuditFormat::Csv => "text/csv; charset=utf-8",
    }
}

fn export_name(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Ndjson => "attachment; filename=\"onecli-audit.ndjson\"",
        AuditFormat::Csv => "attachment; filename=\"onecli-audit.csv\"",
    }
}

/// An agent that is gone has its events still: its id needs no look-up.
async fn agent_id(backend: &Backend, reference: Option<String>) -> Result<Option<AgentId>, Problem> {
    let Some(reference) = reference else { return Ok(None) };
    if let Ok(id) = reference.parse() {
        return Ok(Some(id));
    }
    Ok(Some(backend.admin.agent(&reference).await?.id))
}

pub(super) fn wire(event: model::AuditEvent) -> AuditEvent {
    AuditEvent {
        id: event.id.0,
        at: event.at,
        kind: match event.kind {
            model::EventKind::Request => AuditKind::Request,
            model::EventKind::Admin => AuditKind::Admin,
        },
        actor: event.actor,
        source: event.source.as_deref().map(str::to_owned),
        agent_id: event.agent_id.map(|id| id.0),
        agent_name: event.agent_name.as_deref().map(str::to_owned),
        parent_agent_id: event.parent_agent_id.map(|id| id.0),
        method: event.method.map(Cow::into_owned),
        scheme: event.scheme.map(Cow::into_owned),
        host: event.host.as_deref().map(str::to_owned),
        port: event.port,
        path: event.path.as_deref().map(str::to_owned),
        decision: match event.decision {
            model::Decision::Allowed => AuditDecision::Allowed,
            model::Decision::Tunnelled => AuditDecision::Tunnelled,
            model::Decision::Revoked => AuditDecision::Revoked,
            model::Decision::Blocked => AuditDecision::Blocked,
            model::Decision::RateLimited => AuditDecision::RateLimited,
            model::Decision::Refused => AuditDecision::Refused,
            model::Decision::Failed => AuditDecision::Failed,
            model::Decision::Interrupted => AuditDecision::Interrupted,
        },
        reason: event.reason.map(Cow::into_owned),
        not_injected_because: event.not_injected_because.map(Cow::into_owned),
        rule_id: event.rule_id.map(|id| id.0),
        rule_name: event.rule_name.as_deref().map(str::to_owned),
        secret_ids: event.secret_ids.into_iter().map(|id| id.0).collect(),
        limits: event.limits.into_iter().map(limit).collect(),
        approval_id: None,
        gateway: (*event.gateway).to_owned(),
        status: event.status,
        request_bytes: event.request_bytes,
        response_bytes: event.response_bytes,
        duration_ms: event.duration_ms,
        count: event.count,
        error: event.error.map(Cow::into_owned),
    }
}

fn limit(used: model::LimitUse) -> AuditLimit {
    AuditLimit {
        rule_id: used.rule_id.0,
        rule_name: used.rule_name,
        used: used.used.into(),
        limit: used.limit.into(),
        window: used.window,
    }
}

#[cfg(test)]
mod tests {
    use onecli_core::{
        clock,
        model::{AuditEvent, Decision, EventId, EventKind},
    };

    use crate::api::testing::TestApi;

    fn event(host: &str, decision: Decision) -> AuditEvent {
        AuditEvent {
            id: EventId::generate(),
            at: clock::now(),
            kind: EventKind::Request,
            actor: None,
            source: None,
            agent_id: None,
            agent_name: None,
            parent_agent_id: None,
            method: Some("GET".into()),
            scheme: Some("https".into()),
            host: Some(host.into()),
            port: Some(443),
            path: Some("/".into()),
            decision,
            reason: None,
            not_injected_because: None,
            rule_id: None,
            rule_name: None,
            secret_ids: Vec::new(),
            limits: Vec::new(),
            gateway: "test".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 0,
            duration_ms: 1,
            count: 1,
            error: None,
        }
    }

    #[tokio::test]
    async fn conditions_and_pages() {
        let api = TestApi::new().await;
        let events = [event("a.test", Decision::Allowed), event("b.test", Decision::Blocked)];
        api.backend.store.insert_events(&events).await.unwrap();
        let count = async |path: &str| api.send_locally("GET", path, None).await.1.as_array().map(Vec::len);
        assert_eq!(count("/v1/audit").await, Some(2));
        assert_eq!(count("/v1/audit?host=A.test").await, Some(1));
        assert_eq!(count("/v1/audit?decision=blocked&injected=false").await, Some(1));
        assert_eq!(count("/v1/audit?limit=1").await, Some(1));
        for (path, status) in
            [("/v1/audit?limit=0", 400), ("/v1/audit?decision=maybe", 400), ("/v1/audit?agent=nobody", 404)]
        {
            assert_eq!(api.send_locally("GET", path, None).await.0, status, "{path}");
        }
    }
}
