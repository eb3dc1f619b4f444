use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Admin, AdminError, AgentChange, NewAgent, NewRule, NewSecret, SecretChange, SettingsChange, Variable,
};
use crate::{
    model::{Action, DefaultPolicy, Injection, PolicySettings, SecretType, Slot},
    policy::{Policy, settings::name},
    store::{SqliteStore, Store},
    vault::{MasterKeys, Plaintext, Vault},
};

struct Managed {
    admin: Admin,
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    vault: Arc<Vault>,
    _following: DropGuard,
}

async fn managed() -> Managed {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await.unwrap());
    let vault = Arc::new(Vault::open(MasterKeys::generate().unwrap().0, &*store).await.unwrap());
    let policy = Policy::empty();
    let stop = CancellationToken::new();
    let (followed, feed, stopped) = (policy.clone(), store.clone(), stop.clone());
    tokio::spawn(async move { followed.follow(feed, std::time::Duration::from_secs(60), stopped).await });
    let admin = Admin::new(store.clone(), vault.clone(), policy.clone());
    Managed { admin, store, policy, vault, _following: stop.drop_guard() }
}

fn agent(identifier: &str, parent: Option<&str>) -> NewAgent {
    NewAgent {
        name: identifier.into(),
        identifier: identifier.into(),
        parent: parent.map(Into::into),
        ttl_seconds: None,
    }
}

fn secret(name: &str, kind: SecretType, value: &str) -> NewSecret {
    NewSecret {
        name: name.into(),
        kind,
        value: Plaintext::from(value.to_owned()),
        host_pattern: None,
        path_pattern: None,
        injection: None,
        allow_plain_http: false,
        expires_at: None,
    }
}

#[track_caller]
fn message<T>(result: Result<T, AdminError>) -> String {
    match result {
        Err(AdminError::Refused(message) | AdminError::Conflict(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn a_new_agents_token_is_in_force_when_it_is_handed_out() {
    let managed = managed().await;
    let (agent, token) = managed.admin.create_agent(agent("ci", None)).await.unwrap();
    let known = |text: &str| {
        managed.policy.snapshot().unwrap().agent(&managed.vault.hash_token(text)).map(|found| found.agent.id)
    };
    assert_eq!(known(token.reveal()), Some(agent.id));
    assert_eq!(managed.admin.agent_token(agent.id).await.unwrap().reveal(), token.reveal());
    let fresh = managed.admin.regenerate_token(agent.id).await.unwrap();
    assert_eq!((known(token.reveal()), known(fresh.reveal())), (None, Some(agent.id)));
}

#[tokio::test]
async fn agents_are_refused_with_a_remedy() {
    let managed = managed().await;
    let Managed { admin, .. } = &managed;
    assert!(admin.ensure_default().await.unwrap());
    assert!(!admin.ensure_default().await.unwrap());
    let default = admin.default_agent().await.unwrap();
    assert!(message(admin.delete_agent(default.id).await).contains("make another one the default"));
    assert!(message(admin.create_agent(agent("Bad Name", None)).await).contains("such as ci-release"));
    assert!(message(admin.create_agent(agent("default", None)).await).contains("taken"));
    admin.create_agent(agent("child", Some("default"))).await.unwrap();
    assert!(
        message(admin.create_agent(agent("grandchild", Some("child"))).await).contains("name its parent")
    );
    let (other, _) = admin.create_agent(agent("other", None)).await.unwrap();
    let change = AgentChange { make_default: true, ..AgentChange::default() };
    admin.update_agent(other.id, change).await.unwrap();
    assert_eq!(admin.default_agent().await.unwrap().id, other.id);
    admin.delete_agent(default.id).await.unwrap();
    assert!(matches!(admin.agent("child").await, Err(AdminError::NotFound(_))), "went with its parent");
}

#[tokio::test]
async fn types_decide_how_a_secret_is_put_in() {
    let managed = managed().await;
    let Managed { admin, .. } = &managed;
    for (name, value, expected) in
        [("key", "sk-ant-api03-x", "x-api-key"), ("oauth", "sk-ant-oat01-x", "authorization")]
    {
        let stored = admin.create_secret(secret(name, SecretType::Anthropic, value)).await.unwrap().secret;
        assert_eq!(
            (stored.injection.slot(), stored.host_pattern.to_string().as_str()),
            (Slot::Header(expected.parse().unwrap()), "api.anthropic.com")
        );
    }
    assert!(
        message(admin.create_secret(secret("g", SecretType::Generic, "x")).await)
            .contains("needs injectionConfig")
    );
    let mut with_injection = secret("o", SecretType::Openai, "x");
    with_injection.injection = Some(Injection::basic("x").unwrap());
    assert!(message(admin.create_secret(with_injection).await).contains("leave out injectionConfig"));
    let mut wide = secret("o", SecretType::Openai, "x");
    wide.host_pattern = Some("*.com".into());
    assert!(message(admin.create_secret(wide).await).contains("public suffix"));
    assert!(
        message(admin.create_secret(secret("o", SecretType::Openai, "a\nb")).await).contains("line break")
    );
    assert_eq!(admin.secrets().await.unwrap().len(), 2, "nothing is half written");
}

#[tokio::test]
async fn two_accounts_for_one_service_warn() {
    let managed = managed().await;
    let Managed { admin, .. } = &managed;
    let first = admin.create_secret(secret("work", SecretType::Openai, "sk-1")).await.unwrap();
    assert_eq!(first.warnings, Vec::<String>::new());
    let second = admin.create_secret(secret("home", SecretType::Openai, "sk-2")).await.unwrap();
    assert_eq!(
        second.warnings,
        ["An agent that may use both home and work must name one of them in x-onecli-secret, or gets 409."]
    );
}

#[tokio::test]
async fn a_secret_goes_elsewhere_only_with_its_value() {
    let managed = managed().await;
    let Managed { admin, .. } = &managed;
    let id = admin.create_secret(secret("o", SecretType::Openai, "sk-1234567890")).await.unwrap().secret.id;
    let renamed = SecretChange { name: Some("p".into()), ..SecretChange::default() };
    let kept = admin.update_secret(id, renamed).await.unwrap().secret;
    assert_eq!((kept.name.as_str(), kept.preview.as_deref()), ("p", Some("7890")));
    for change in [
        SecretChange { host_pattern: Some("evil.test".into()), ..SecretChange::default() },
        SecretChange { path_pattern: Some(Some("/v1/*".into())), ..SecretChange::default() },
        SecretChange { kind: Some(SecretType::Generic), ..SecretChange::default() },
        SecretChange { allow_plain_http: Some(true), ..SecretChange::default() },
    ] {
        assert!(message(admin.update_secret(id, change).await).contains("paste the value again"));
    }
    let moved = SecretChange {
        host_pattern: Some("eu.openai.com".into()),
        value: Some(Plaintext::from(String::from("sk-0987654321"))),
        ..SecretChange::default()
    };
    assert_eq!(admin.update_secret(id, moved).await.unwrap().secret.preview.as_deref(), Some("4321"));
}

#[tokio::test]
async fn rules_are_checked() {
    let managed = managed().await;
    let Managed { admin, .. } = &managed;
    let rule = NewRule {
        name: "no deletes".into(),
        host_pattern: "api.github.com".into(),
        path_pattern: None,
        methods: vec!["delete".into(), "DELETE".into()],
        conditions: Vec::new(),
        action: Action::Block,
        enabled: true,
        agent_id: None,
    };
    assert_eq!(admin.create_rule(rule.clone()).await.unwrap().methods, ["DELETE"]);
    let refused = |change: fn(&mut NewRule)| {
        let mut rule = rule.clone();
        change(&mut rule);
        admin.create_rule(rule)
    };
    assert!(
        message(refused(|rule| rule.host_pattern = "https://x".into()).await).contains("leave out https://")
    );
    assert!(
        message(refused(|rule| rule.methods = vec!["GET POST".into()]).await).contains("is not a method")
    );
    assert!(
        message(refused(|rule| rule.agent_id = Some(crate::model::AgentId::generate())).await)
            .contains("is no agent's")
    );
}

#[tokio::test]
async fn variables_count_at_first_start() {
    let managed = managed().await;
    let Managed { admin, store, .. } = &managed;
    let adopt = async |text: Option<&str>, policy: DefaultPolicy| {
        let given = PolicySettings { default_policy: policy, ..PolicySettings::default() };
        let variable = Variable { setting: name::DEFAULT_POLICY, name: "ONECLI_DEFAULT_POLICY", text };
        admin.adopt_variables(&[variable], &given).await
    };
    adopt(Some("deny"), DefaultPolicy::Deny).await.unwrap();
    assert_eq!(admin.settings().await.unwrap().default_policy, DefaultPolicy::Deny);
    adopt(Some("deny"), DefaultPolicy::Deny).await.unwrap();
    let fault = message(adopt(Some("allow"), DefaultPolicy::Allow).await);
    assert!(
        fault.contains("`allow`") && fault.contains("`deny`") && fault.contains("PATCH /v1/settings"),
        "{fault}"
    );
    admin
        .change_settings(SettingsChange {
            audit_retention_days: Some(7),
            default_policy: Some(DefaultPolicy::Deny),
            ..SettingsChange::default()
        })
        .await
        .unwrap();
    adopt(Some("allow"), DefaultPolicy::Allow).await.unwrap();
    assert_eq!(admin.settings().await.unwrap().default_policy, DefaultPolicy::Deny, "the change wins");
    assert_eq!(store.list_settings().await.unwrap().len(), 2);
    let invalid = SettingsChange { allow_private: Some(vec!["*".into()]), ..SettingsChange::default() };
    assert!(message(admin.change_settings(invalid).await).contains("neither a network"));
}
