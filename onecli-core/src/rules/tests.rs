use http::{HeaderMap, Method, uri::Scheme};
use proptest::prelude::*;
use time::OffsetDateTime;

use super::{Facts, RuleEngine, Verdict, selection::select};
use crate::{
    model::{
        Action, Agent, AgentId, Host, Injection, Rule, RuleId, Sealed, Secret, SecretId, SecretMode,
        SecretType,
    },
    policy::{PolicyAgent, Snapshot},
    refusal::Cause,
    store::{AgentRow, PolicyRows, SecretRow, SettingRow, TokenHash},
    target::Target,
};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

pub(super) fn agent(parent_id: Option<AgentId>) -> Agent {
    Agent {
        id: AgentId::generate(),
        name: "Test".into(),
        identifier: "test".parse().unwrap(),
        is_default: false,
        secret_mode: SecretMode::All,
        enabled: true,
        parent_id,
        created_at: NOW,
        last_seen_at: None,
        expires_at: None,
    }
}

pub(super) fn rule(action: Action, host: &str, path: &str, methods: &[&str]) -> Rule {
    Rule {
        id: RuleId::generate(),
        name: format!("{action:?} {host}{path}"),
        host_pattern: host.parse().unwrap(),
        path_pattern: path.parse().unwrap(),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        conditions: Vec::new(),
        action,
        enabled: true,
        agent_id: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn secret(name: &str, host: &str, path: &str, header: &str) -> SecretRow {
    let secret = Secret {
        id: SecretId::generate(),
        name: name.into(),
        kind: SecretType::Generic,
        host_pattern: host.parse().unwrap(),
        path_pattern: path.parse().unwrap(),
        injection: Injection::header(header, "{value}").unwrap(),
        allow_plain_http: false,
        preview: None,
        created_at: NOW,
        updated_at: NOW,
        last_used_at: None,
        expires_at: None,
    };
    SecretRow { secret, sealed_value: Sealed::from_bytes(Vec::new()) }
}

/// A policy of one agent.
pub(super) struct Case {
    rows: PolicyRows,
    pub(super) agent: Agent,
}

impl Case {
    pub(super) fn new(rules: Vec<Rule>, secrets: Vec<SecretRow>) -> Self {
        Self { rows: PolicyRows { rules, secrets, ..PolicyRows::default() }, agent: agent(None) }
    }

    pub(super) fn deny_by_default(mut self) -> Self {
        self.rows.settings.push(SettingRow {
            name: "defaultPolicy".into(),
            value: "\"deny\"".into(),
            variable: None,
            changed: false,
        });
        self
    }

    pub(super) fn with<T>(
        &self, method: &str, url: &str, headers: &HeaderMap,
        look: impl FnOnce(Result<Facts<'_>, &'static str>, &Snapshot) -> T,
    ) -> T {
        let mut rows = self.rows.clone();
        let token_hash = TokenHash([7; 32]);
        rows.agents = vec![AgentRow {
            agent: self.agent.clone(),
            token_hash,
            sealed_token: Sealed::from_bytes(Vec::new()),
        }];
        let snapshot = Snapshot::compile(rows).unwrap();
        let agent: &PolicyAgent = snapshot.agent(&token_hash).unwrap();
        let target = target(url);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        look(Facts::of(agent, &target, &method, headers), &snapshot)
    }

    /// What becomes of a request: "blocked", "not granted", "allowed", or "bad".
    fn verdict(&self, method: &str, url: &str) -> &'static str {
        self.verdict_with(method, url, &HeaderMap::new())
    }

    fn verdict_with(&self, method: &str, url: &str, headers: &HeaderMap) -> &'static str {
        self.with(method, url, headers, |facts, snapshot| match facts {
            Err(_) => "bad",
            Ok(facts) => match RuleEngine::evaluate(&facts, snapshot).verdict {
                Verdict::Blocked(_) => "blocked",
                Verdict::NotGranted => "not granted",
                Verdict::Allowed(_) => "allowed",
                Verdict::Undecided => "undecided",
            },
        })
    }

    fn selected(&self, url: &str, choice: Option<&str>) -> Result<Vec<String>, Cause> {
        let choice = choice.map(|text| text.parse().unwrap());
        self.with("GET", url, &HeaderMap::new(), |facts, snapshot| {
            let selection = select(&facts.unwrap(), snapshot, choice.as_ref(), NOW)?;
            Ok(selection.secrets.iter().map(|entry| entry.secret.name.clone()).collect())
        })
    }
}

fn target(url: &str) -> Target {
    let (scheme, rest) = url.split_once("://").unwrap();
    let scheme = if scheme == "http" { Scheme::HTTP } else { Scheme::HTTPS };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse().unwrap()),
        None => (authority, Target::default_port(&scheme)),
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.into())));
    let path = if path.is_empty() { "/" } else { path };
    Target { scheme, host: Host::parse(host).unwrap(), port, path: path.into(), query }
}

#[test]
fn a_block_matches_every_reading_of_a_path() {
    let case = Case::new(vec![rule(Action::Block, "api.test", "/admin/*", &[])], vec![]);
    for path in [
        "/admin",
        "/admin/x",
        "//admin/x",
        "/%61dmin/x",
        "/%2561dmin/x",
        "/admin%2Fx",
        "/admin;a=b/x",
        "/admin;/x",
        "/x/%252e%252e/admin/x",
        "/%2561dmin%252fx",
        "/a%255c..%255cadmin/x",
    ] {
        assert_eq!(case.verdict("GET", &format!("https://api.test{path}")), "blocked", "{path}");
    }
    let exact = Case::new(vec![rule(Action::Block, "api.test", "/admin", &[])], vec![]);
    for path in [
        "/admin",
        "/admin/",
        "/admin%2f",
        "/admin%3fx",
        "/admin%23x",
        "/admin%00",
        "/admin%20",
        "/admin/%3Fx",
        "//admin//",
    ] {
        assert_eq!(exact.verdict("GET", &format!("https://api.test{path}")), "blocked", "{path}");
    }
    assert_eq!(exact.verdict("GET", "https://api.test/admin/x"), "allowed");
    for path in ["/", "/administer", "/x/admin", "/x?/admin/x"] {
        assert_eq!(case.verdict("GET", &format!("https://api.test{path}")), "allowed", "{path}");
    }
}

#[test]
fn a_grant_needs_every_reading_of_a_path() {
    let case = Case::new(vec![rule(Action::Allow, "api.test", "/pub/*", &["GET"])], vec![]).deny_by_default();
    assert_eq!(case.verdict("GET", "https://api.test/pub/x"), "allowed");
    assert_eq!(case.verdict("GET", "https://api.test/pub/group%2Fproject"), "allowed");
    for path in ["/pub/%252e%252e/admin", "/pub%2F%252e%252e%2Fadmin", "/%70ub/x", "//pub/x", "/pub;x/y"] {
        assert_ne!(case.verdict("GET", &format!("https://api.test{path}")), "allowed", "{path}");
    }
    assert_eq!(case.verdict("HEAD", "https://api.test/pub/x"), "not granted");
    assert_eq!(case.verdict("POST", "https://api.test/pub/x"), "not granted");
}

#[test]
fn a_pattern_may_be_encoded_as_the_path_is() {
    let pattern = "/projects/group%2Fproject/*";
    let case = Case::new(vec![rule(Action::Block, "api.test", pattern, &[])], vec![]);
    for path in ["group%2Fproject/x", "group%2fproject/x", "group/project", "gr%6Fup%2Fproject"] {
        assert_eq!(case.verdict("GET", &format!("https://api.test/projects/{path}")), "blocked", "{path}");
    }
    let case = Case::new(vec![rule(Action::Allow, "api.test", pattern, &[])], vec![]).deny_by_default();
    assert_eq!(case.verdict("GET", "https://api.test/projects/group%2Fproject/x"), "allowed");
    for path in
        ["group%2fproject/x", "group/project/x", "group%252Fproject/x", "group%2Fproject%2F%252e%252e/x"]
    {
        assert_eq!(
            case.verdict("GET", &format!("https://api.test/projects/{path}")),
            "not granted",
            "{path}"
        );
    }
}

#[test]
fn hosts_have_one_form_and_rules_any_port() {
    let case = Case::new(vec![rule(Action::Block, "api.test", "*", &[])], vec![]);
    for host in ["API.TEST", "api.test.", "api.test:8443"] {
        assert_eq!(case.verdict("GET", &format!("https://{host}/")), "blocked", "{host}");
    }
    let case = Case::new(vec![rule(Action::Block, "10.0.0.1", "*", &[])], vec![]);
    for host in ["10.0.0.1", "10.1", "0xa.1", "167772161", "[::ffff:10.0.0.1]"] {
        assert_eq!(case.verdict("GET", &format!("https://{host}/")), "blocked", "{host}");
    }
}

#[test]
fn a_block_matches_every_reading_of_a_method() {
    let case = Case::new(vec![rule(Action::Block, "api.test", "*", &["DELETE", "GET"])], vec![]);
    let url = "https://api.test/x";
    for method in ["DELETE", "delete", "HEAD", "GET"] {
        assert_eq!(case.verdict(method, url), "blocked", "{method}");
    }
    assert_eq!(case.verdict("POST", url), "allowed");
    for header in ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override"] {
        let mut headers = HeaderMap::new();
        headers.insert(header, "delete".parse().unwrap());
        assert_eq!(case.verdict_with("POST", url, &headers), "blocked", "{header}");
    }
}

#[test]
fn a_header_that_names_another_path_counts_as_that_path() {
    let rules = vec![
        rule(Action::Block, "api.test", "/admin/*", &[]),
        rule(Action::Allow, "api.test", "/pub/*", &[]),
    ];
    let case = Case::new(rules, vec![]).deny_by_default();
    for (name, value, expected) in [
        ("x-original-url", "/admin/x", "blocked"),
        ("x_original_url", "/admin/x", "blocked"),
        ("x-original-url", " /admin/x", "blocked"),
        ("x-original-url", "admin/x", "blocked"),
        ("x-rewrite-url", "/%61dmin/x?y", "blocked"),
        ("x-original-url", "https://api.test/admin", "blocked"),
        ("x-original-url", "/other", "not granted"),
        ("x-original-url", "https://api.test", "not granted"),
        ("x-original-url", "/pub/y", "allowed"),
        ("x-original-url", "/pub/../admin", "bad"),
        ("x-other-url", "/admin/x", "allowed"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        assert_eq!(case.verdict_with("GET", "https://api.test/pub/x", &headers), expected, "{name}: {value}");
    }
}

#[test]
fn git_announces_what_it_will_do() {
    let case = Case::new(vec![rule(Action::Block, "git.test", "*/git-receive-pack", &["POST"])], vec![]);
    let refs = "https://git.test/a/b.git/info/refs?service=";
    assert_eq!(case.verdict("GET", &format!("{refs}git-receive-pack")), "blocked");
    assert_eq!(case.verdict("GET", &format!("{refs}git-upload-pack")), "allowed");
    for announced in [
        "/a/b.git/info/refs?service=git%2Dreceive%2dpack",
        "/a/b.git/info/refs?%73ervice=git-receive-pack",
        "/a/b.git/info/refs?x=1;service=git-receive-pack",
        "/a/b.git/info/refs?service=git-upload-pack&service=git-receive-pack",
        "/a/b.git/info%2Frefs?service=git-receive-pack",
        "/a/b.git/info//refs?service=git-receive-pack",
        "/a/b.git/%69nfo/refs?service=git-receive-pack",
        "/a/b.git/info/refs?service=%25252525252525252525252567it-receive-pack",
    ] {
        assert_eq!(case.verdict("GET", &format!("https://git.test{announced}")), "blocked", "{announced}");
    }
}

/// Names of services, forms of the path and readings of the query multiply.
#[test]
fn an_announcement_of_many_services_costs_little() {
    let case = Case::new(vec![rule(Action::Block, "git.test", "*/git-receive-pack", &["POST"])], vec![]);
    let path = format!("//{}%25252541;x/info/refs", "A".repeat(10_000));
    let plain = format!("https://git.test{path}?{}service=git-receive-pack", "service=+&".repeat(300));
    assert_eq!(case.verdict("GET", &plain), "blocked");
    let deep = format!("https://git.test{path}?{}", "b%252525252541+=%252525252542+&".repeat(500));
    assert_eq!(case.verdict("GET", &deep), "blocked", "what is too much to be known may be anything");
}

#[test]
fn rules_are_about_their_agent_and_its_children() {
    let mut case = Case::new(vec![rule(Action::Block, "*", "*", &[])], vec![]);
    case.rows.rules[0].agent_id = Some(AgentId::generate());
    assert_eq!(case.verdict("GET", "https://a.test/"), "allowed");
    case.rows.rules[0].agent_id = Some(case.agent.id);
    assert_eq!(case.verdict("GET", "https://a.test/"), "blocked");
    let parent = AgentId::generate();
    case.agent = agent(Some(parent));
    case.rows.rules[0].agent_id = Some(parent);
    assert_eq!(case.verdict("GET", "https://a.test/"), "blocked");
}

#[test]
fn the_most_specific_secret_wins_for_each_header() {
    let secrets = vec![
        secret("wide", "*.test.example", "*", "authorization"),
        secret("exact", "api.test.example", "*", "authorization"),
        secret("exact-path", "api.test.example", "/v1/*", "authorization"),
        secret("other-header", "*.test.example", "*", "x-key"),
    ];
    let case = Case::new(vec![], secrets);
    let names = |url| {
        let mut names = case.selected(url, None).unwrap();
        names.sort();
        names
    };
    assert_eq!(names("https://api.test.example/v1/x"), ["exact-path", "other-header"]);
    assert_eq!(names("https://api.test.example/v2"), ["exact", "other-header"]);
    assert_eq!(names("https://b.test.example/v1/x"), ["other-header", "wide"]);
    assert!(names("https://test.example/").is_empty());
    assert!(names("https://api.test.example:8443/v1/x").is_empty(), "no port means the scheme's own");
    assert!(names("http://api.test.example/v1/x").is_empty(), "not without TLS");
}

#[test]
fn of_a_tie_the_agent_chooses() {
    let case = Case::new(vec![], vec![secret("one", "a.test", "*", "x"), secret("two", "a.test", "*", "x")]);
    assert!(
        matches!(case.selected("https://a.test/", None), Err(Cause::AmbiguousSecret(both)) if both.len() == 2)
    );
    assert_eq!(case.selected("https://a.test/", Some("two")).unwrap(), ["two"]);
    assert!(case.selected("https://a.test/", Some("three")).is_err());
    let single =
        Case::new(vec![], vec![secret("one", "a.test", "*", "x"), secret("other", "a.test", "*", "y")]);
    assert_eq!(
        single.selected("https://a.test/", Some("other")).unwrap().len(),
        2,
        "they don't exclude each other"
    );
    assert!(single.selected("https://a.test/", Some("three")).is_err(), "no other is put in for it");
    assert!(single.selected("https://b.test/", Some("three")).unwrap().is_empty());
}

/// One that takes away what another one fills, and a third that fills what it fills.
#[test]
fn no_two_secrets_that_exclude_each_other_are_put_in() {
    let mut taking = secret("taking", "a.test", "*", "x-api-key");
    let Injection::Header { removes, .. } = &mut taking.secret.injection else { unreachable!() };
    removes.push(http::header::AUTHORIZATION);
    let (bearer, twin) =
        (secret("bearer", "*.test", "*", "authorization"), secret("twin", "a.test", "*", "x_api_key"));
    for turn in 0..3 {
        let mut all = vec![bearer.clone(), taking.clone(), twin.clone()];
        all.rotate_left(turn);
        let case = Case::new(vec![], all);
        assert!(
            matches!(case.selected("https://a.test/", None), Err(Cause::AmbiguousSecret(both)) if both.len() == 2)
        );
        assert_eq!(case.selected("https://a.test/", Some("taking")).unwrap(), ["taking"]);
        assert_eq!(case.selected("https://a.test/", Some("twin")).unwrap(), ["twin", "bearer"]);
    }
}

#[test]
fn an_expired_secret_is_not_put_in() {
    let mut case = Case::new(vec![], vec![secret("old", "a.test", "*", "x")]);
    case.rows.secrets[0].secret.expires_at = Some(NOW);
    assert_eq!(case.selected("https://a.test/", None), Err(Cause::CredentialExpired("old".into())));
}

proptest! {
    #[test]
    fn judging_never_panics(path in "/\\PC{0,40}", host in "[a-z.:\\[\\]%0-9]{1,20}") {
        if let Ok(host) = Host::parse(&host) {
            let case = Case::new(vec![rule(Action::Block, "*", "/a*", &[])], vec![]);
            let target = Target { scheme: Scheme::HTTPS, host, port: 443, path: path.as_str().into(), query: None };
            case.with("GET", "https://a.test/", &HeaderMap::new(), |facts, snapshot| {
                let agent = facts.unwrap();
                if let Ok(facts) = Facts::of(agent.agent(), &target, &Method::GET, &HeaderMap::new()) {
                    let _ = RuleEngine::evaluate(&facts, snapshot);
                }
            });
        }
    }
}
