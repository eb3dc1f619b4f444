//! What fuzzers call here: matching of rules, and looking into bodies and queries.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, uri::Scheme};
use time::OffsetDateTime;

use super::{
    Facts,
    body::{Beginning, Coding, Findings},
    conditions::Match,
};
use crate::{
    model::{Action, Agent, AgentId, Condition, Host, Rule, RuleId, Sealed, SecretMode},
    policy::Snapshot,
    store::{AgentRow, PolicyRows, TokenHash},
    target::Target,
};

/// Judges a request by a rule: host pattern, path pattern, method of the rule, method, host, path, query, and header fields, a
/// line each. What is granted is restricted too; a path matches itself.
#[allow(clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn matching(text: &str) {
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default();
    let (host_pattern, path_pattern, of_rule) = (line(), line(), line());
    let (method, host, path, query) = (line(), line(), line(), line());
    let (Ok(host_pattern), Ok(path_pattern)) = (host_pattern.parse(), path_pattern.parse()) else { return };
    let (Ok(method), Ok(host)) = (Method::from_bytes(method.as_bytes()), Host::parse(host)) else { return };
    let headers = headers(lines);
    let now = OffsetDateTime::UNIX_EPOCH;
    let conditions = vec![Condition::QueryHas { name: "force".into(), value: None }];
    let rule = Rule {
        id: RuleId::generate(),
        name: String::new(),
        host_pattern,
        path_pattern,
        methods: of_rule.split(' ').filter(|name| !name.is_empty()).map(str::to_ascii_uppercase).collect(),
        conditions: if query.is_empty() { Vec::new() } else { conditions },
        action: Action::Allow,
        enabled: true,
        agent_id: None,
        created_at: now,
        updated_at: now,
    };
    let target = Target {
        scheme: Scheme::HTTPS,
        host,
        port: 443,
        path: path.into(),
        query: Some(query).filter(|query| !query.is_empty()).map(Into::into),
    };
    with_facts(&target, &method, &headers, |facts| {
        let (restricted, granted) = (facts.restricted_by(&rule), facts.granted_by(&rule));
        assert!(granted != Match::Yes || restricted == Match::Yes, "a grant without a restriction");
        let literal = !path.contains('*');
        if let Ok(itself) = path.parse()
            && literal
        {
            let exact = Rule { path_pattern: itself, conditions: Vec::new(), methods: Vec::new(), ..rule };
            let any_host = Rule { host_pattern: target_pattern(&target), ..exact };
            assert!(facts.restricted_by(&any_host) == Match::Yes, "{path} does not match itself");
        }
    });
}

fn target_pattern(target: &Target) -> crate::model::HostPattern {
    // The canonical form of a host is a pattern of itself.
    #[allow(clippy::unwrap_used, reason = "a fuzzer looks for it")]
    target.host.uri_form().parse().unwrap()
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let fields = lines.filter_map(|line| line.split_once(": "));
    fields
        .filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

fn with_facts(target: &Target, method: &Method, headers: &HeaderMap, look: impl FnOnce(Facts<'_>)) {
    let now = OffsetDateTime::UNIX_EPOCH;
    let Ok(identifier) = "fuzz".parse() else { return };
    let agent = Agent {
        id: AgentId::generate(),
        name: String::new(),
        identifier,
        is_default: true,
        secret_mode: SecretMode::All,
        enabled: true,
        parent_id: None,
        created_at: now,
        last_seen_at: None,
        expires_at: None,
    };
    let token_hash = TokenHash([0; 32]);
    let row = AgentRow { agent, token_hash, sealed_token: Sealed::from_bytes(Vec::new()) };
    let rows = PolicyRows { agents: vec![row], ..PolicyRows::default() };
    let Ok(snapshot) = Snapshot::compile(rows) else { return };
    let Some(agent) = snapshot.agent(&token_hash) else { return };
    if let Ok(facts) = Facts::of(agent, target, method, headers) {
        look(facts);
    }
}

/// Looks for a text in a body: content coding, content type, text and body, the first three a line each. What surely stands in
/// it may stand in it, and so does what stands there plainly.
#[allow(clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn body(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (coding, kind, wanted, body) = (part(), part(), part(), part());
    let Ok(wanted) = std::str::from_utf8(wanted) else { return };
    let mut headers = HeaderMap::new();
    for (name, value) in [(http::header::CONTENT_ENCODING, coding), (http::header::CONTENT_TYPE, kind)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let texts = HashSet::from([wanted.to_owned()]);
    let beginning = Beginning { bytes: Bytes::copy_from_slice(body), is_whole: true };
    let findings = Findings::look(&beginning, &Coding::of(&headers), &texts);
    assert!(!findings.surely_hold(wanted) || findings.may_hold(wanted));
    let plainly = memchr::memmem::find(body, wanted.as_bytes()).is_some();
    assert!(!plainly || findings.may_hold(wanted));
}
