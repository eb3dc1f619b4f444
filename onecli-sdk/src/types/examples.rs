//! The examples of the OpenAPI document.

use std::collections::BTreeMap;

use poem_openapi::types::Example;
use time::{OffsetDateTime, macros::datetime};
use uuid::{Uuid, uuid};

use super::{
    AccessToken, AccessTokenAnswer, Agent, AuditDecision, AuditEvent, AuditKind, ContainerConfig,
    CreateAgent, CreateRule, DefaultPolicy, ErrorBody, Gateway, GatewayUrl, Health, InjectionConfig,
    Intercept, Patch, Rule, RuleAction, Secret, SecretMode, SecretType, Settings, UpdateAgent, UpdateRule,
    UpdateSettings,
};

const AGENT: Uuid = uuid!("0198a3f0-1c7e-7a31-9f6b-2f4f5f0c1a01");
const SECRET: Uuid = uuid!("0198a3f0-1c7e-7a31-9f6b-2f4f5f0c1a02");
const RULE: Uuid = uuid!("0198a3f0-1c7e-7a31-9f6b-2f4f5f0c1a03");
const EVENT: Uuid = uuid!("0198a3f0-1c7e-7a31-9f6b-2f4f5f0c1a04");
const MADE: OffsetDateTime = datetime!(2026-01-05 09:30:00 UTC);
const USED: OffsetDateTime = datetime!(2026-01-05 10:02:11 UTC);

impl Example for Agent {
    fn example() -> Self {
        Self {
            id: AGENT,
            name: "Release bot".into(),
            identifier: "release-bot".into(),
            access_token: None,
            is_default: false,
            secret_mode: SecretMode::All,
            enabled: true,
            parent_id: None,
            created_at: MADE,
            last_seen_at: Some(USED),
            expires_at: None,
        }
    }
}

impl Example for CreateAgent {
    fn example() -> Self {
        Self { name: "Release bot".into(), identifier: "release-bot".into(), ..Self::default() }
    }
}

impl Example for UpdateAgent {
    fn example() -> Self {
        Self { enabled: Some(false), ..Self::default() }
    }
}

impl Example for AccessTokenAnswer {
    fn example() -> Self {
        Self { access_token: AccessToken::new("aoc_…".to_owned()) }
    }
}

impl Example for Secret {
    fn example() -> Self {
        Self {
            id: SECRET,
            name: "GitHub".into(),
            kind: SecretType::Generic,
            type_label: "Generic".into(),
            host_pattern: "api.github.com".into(),
            path_pattern: None,
            injection_config: Some(InjectionConfig::example()),
            allow_plain_http: false,
            preview: Some("x4Tz".into()),
            warnings: Vec::new(),
            created_at: MADE,
            updated_at: MADE,
            last_used_at: Some(USED),
            expires_at: None,
        }
    }
}

impl Example for InjectionConfig {
    fn example() -> Self {
        Self {
            header_name: Some("authorization".into()),
            value_format: Some("Bearer {value}".into()),
            ..Self::default()
        }
    }
}

impl Example for Rule {
    fn example() -> Self {
        Self {
            id: RULE,
            name: "No deletions".into(),
            host_pattern: "api.github.com".into(),
            path_pattern: Some("/repos/*".into()),
            method: Some("DELETE".into()),
            methods: vec!["DELETE".into()],
            conditions: Vec::new(),
            action: RuleAction::Block,
            rate_limit: None,
            rate_limit_window: None,
            enabled: true,
            agent_id: None,
            created_at: MADE,
            updated_at: MADE,
        }
    }
}

impl Example for CreateRule {
    fn example() -> Self {
        Self {
            name: "No deletions".into(),
            host_pattern: "api.github.com".into(),
            path_pattern: Some("/repos/*".into()),
            method: Some("DELETE".into()),
            methods: None,
            conditions: None,
            action: RuleAction::Block,
            rate_limit: None,
            rate_limit_window: None,
            enabled: None,
            agent_id: None,
        }
    }
}

impl Example for UpdateRule {
    fn example() -> Self {
        Self { enabled: Some(false), path_pattern: Patch::Clear, ..Self::default() }
    }
}

impl Example for AuditEvent {
    fn example() -> Self {
        Self {
            id: EVENT,
            at: USED,
            kind: AuditKind::Request,
            actor: None,
            source: Some("127.0.0.1:52114".into()),
            agent_id: Some(AGENT),
            agent_name: Some("Release bot".into()),
            parent_agent_id: None,
            method: Some("GET".into()),
            scheme: Some("https".into()),
            host: Some("api.github.com".into()),
            port: Some(443),
            path: Some("/user".into()),
            decision: AuditDecision::Allowed,
            reason: None,
            not_injected_because: None,
            rule_id: None,
            rule_name: None,
            secret_ids: vec![SECRET],
            limits: Vec::new(),
            approval_id: None,
            gateway: "host-1".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 1320,
            duration_ms: 84,
            count: 1,
            error: None,
        }
    }
}

impl Example for ContainerConfig {
    fn example() -> Self {
        let env = [
            ("HTTPS_PROXY", "http://x:aoc_…@host.docker.internal:10255"),
            ("SSL_CERT_FILE", "/tmp/onecli-gateway-ca.pem"),
        ];
        Self {
            env: BTreeMap::from(env.map(|(name, value)| (name.into(), value.into()))),
            ca_certificate: "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n".into(),
            ca_certificate_container_path: "/tmp/onecli-gateway-ca.pem".into(),
            credential_stubs: None,
            warnings: None,
        }
    }
}

impl Example for Settings {
    fn example() -> Self {
        Self {
            default_policy: DefaultPolicy::Allow,
            intercept: Intercept::All,
            passthrough_hosts: vec!["pinned.example.com".into()],
            allow_private: vec!["10.2.0.0/16".into()],
            audit_retention_days: 90,
        }
    }
}

impl Example for UpdateSettings {
    fn example() -> Self {
        Self { default_policy: Some(DefaultPolicy::Deny), ..Self::default() }
    }
}

impl Example for GatewayUrl {
    fn example() -> Self {
        Self { url: "http://127.0.0.1:10255".into() }
    }
}

impl Example for Gateway {
    fn example() -> Self {
        Self {
            id: uuid!("0198a3f0-1c7e-7a31-9f6b-2f4f5f0c1a05"),
            host_name: "host-1".into(),
            version: "0.1.0".into(),
            addresses: vec!["127.0.0.1:10255".into()],
            last_seen_at: MADE,
        }
    }
}

impl Example for Health {
    fn example() -> Self {
        Self { status: "ok".into(), version: "0.1.0".into(), store: "ok".into(), secret_opens: 42 }
    }
}

impl Example for ErrorBody {
    fn example() -> Self {
        Self { error: "there is no agent `ci`: `onecli agents list` shows those that there are".into() }
    }
}
