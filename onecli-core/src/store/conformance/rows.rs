//! Rows to put into a store.

use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    model::{
        Action, Agent, AgentId, AuditEvent, Decision, EventId, EventKind, Injection, PathPattern, Rule,
        RuleId, Sealed, Secret, SecretId, SecretMode, SecretType,
    },
    store::{AgentRow, SecretRow, TokenHash},
};

/// A time that a store keeps exactly: whole microseconds.
pub(super) fn at(seconds: i64) -> OffsetDateTime {
    datetime!(2026-01-02 03:04:05.678_901 UTC) + Duration::seconds(seconds)
}

pub(super) fn hash() -> TokenHash {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    TokenHash(hash)
}

pub(super) fn agent(identifier: &str) -> AgentRow {
    AgentRow {
        agent: Agent {
            id: AgentId::generate(),
            name: format!("Agent {identifier}"),
            identifier: identifier.parse().unwrap(),
            is_default: false,
            secret_mode: SecretMode::All,
            enabled: true,
            parent_id: None,
            created_at: at(0),
            last_seen_at: None,
            expires_at: None,
        },
        token_hash: hash(),
        sealed_token: Sealed::from_bytes(vec![0, 1, 2, 255]),
    }
}

pub(super) fn child(identifier: &str, parent: AgentId) -> AgentRow {
    let mut row = agent(identifier);
    row.agent.parent_id = Some(parent);
    row
}

pub(super) fn secret(name: &str) -> SecretRow {
    SecretRow {
        secret: Secret {
            id: SecretId::generate(),
            name: name.to_owned(),
            kind: SecretType::Generic,
            host_pattern: "*.example.com:8443".parse().unwrap(),
            path_pattern: "/v1/*".parse().unwrap(),
            injection: Injection::header("authorization", "Bearer {value}").unwrap(),
            allow_plain_http: true,
            preview: Some("wxyz".to_owned()),
            created_at: at(0),
            updated_at: at(1),
            last_used_at: None,
            expires_at: Some(at(1000)),
        },
        sealed_value: Sealed::from_bytes(vec![1, 0, 254]),
    }
}

pub(super) fn rule(name: &str) -> Rule {
    Rule {
        id: RuleId::generate(),
        name: name.to_owned(),
        host_pattern: "*.example.com".parse().unwrap(),
        path_pattern: PathPattern::any(),
        methods: vec!["GET".to_owned(), "POST".to_owned()],
        conditions: Vec::new(),
        action: Action::Block,
        enabled: true,
        agent_id: None,
        created_at: at(0),
        updated_at: at(1),
    }
}

/// An event with every part set.
pub(super) fn event(seconds: i64) -> AuditEvent {
    AuditEvent {
        id: EventId::generate(),
        at: at(seconds),
        kind: EventKind::Request,
        actor: Some("person@example.com".to_owned()),
        source: Some("192.0.2.7".into()),
        agent_id: Some(AgentId::generate()),
        agent_name: Some("Release bot".into()),
        parent_agent_id: Some(AgentId::generate()),
        method: Some("GET".into()),
        scheme: Some("https".into()),
        host: Some("api.example.com".into()),
        port: Some(65535),
        path: Some("/v1/things".into()),
        decision: Decision::Allowed,
        reason: Some("rule".into()),
        not_injected_because: Some("no_match".into()),
        rule_id: Some(RuleId::generate()),
        rule_name: Some("Read things".into()),
        limits: Vec::new(),
        secret_ids: vec![SecretId::generate(), SecretId::generate()],
        gateway: "gateway-1".into(),
        status: Some(200),
        request_bytes: 1,
        response_bytes: 5_000_000_000,
        duration_ms: 12,
        count: 1,
        error: Some("client_gone".into()),
    }
}

/// An event with as little as there can be.
pub(super) fn bare_event(seconds: i64) -> AuditEvent {
    AuditEvent {
        actor: None,
        source: None,
        agent_id: None,
        agent_name: None,
        parent_agent_id: None,
        method: None,
        scheme: None,
        host: None,
        port: None,
        path: None,
        decision: Decision::Refused,
        reason: None,
        not_injected_because: None,
        rule_id: None,
        rule_name: None,
        secret_ids: Vec::new(),
        status: None,
        error: None,
        kind: EventKind::Admin,
        ..event(seconds)
    }
}
