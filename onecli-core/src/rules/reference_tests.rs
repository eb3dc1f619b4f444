//! The whole table of rules against its definition, written slowly and plainly, with none of the engine's code.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{
    RuleEngine, Verdict,
    tests::{Case, agent, rule},
};
use crate::model::{Action, AgentId, Condition, RateLimit, Rule, RuleId};

/// Whom a rule is about.
#[derive(Clone, Copy, Debug)]
enum About {
    Everyone,
    TheAgent,
    ItsParent,
    SomebodyElse,
}

#[derive(Clone, Debug)]
struct RuleOf {
    action: Action,
    host: &'static str,
    path: String,
    methods: &'static [&'static str],
    about: About,
    enabled: bool,
    asks_for_query: bool,
    asks_for_header: bool,
}

/// A query, whether it may have the parameter `force`, and whether it surely has.
const QUERIES: [(Option<&str>, bool, bool); 7] = [
    (None, false, false),
    (Some("a=b"), false, false),
    (Some("force"), true, true),
    (Some("a=b&force=1"), true, true),
    (Some("%66orce=1"), true, false),
    (Some("a=b;force=1"), true, false),
    (Some("a=%26force=1"), true, false),
];

/// Values of `x-mode`, whether one of them is `beta`, and whether all are.
const MODES: [(&[&str], bool, bool); 4] = [
    (&[], false, false),
    (&["beta"], true, true),
    (&["beta", "stable"], true, false),
    (&["Beta"], false, false),
];

#[derive(Clone, Debug)]
struct RequestOf {
    method: &'static str,
    other_method: Option<&'static str>,
    host: &'static str,
    port: u16,
    path: String,
    other_path: Option<String>,
    query: (Option<&'static str>, bool, bool),
    mode: (&'static [&'static str], bool, bool),
}

const PIECES: [&str; 18] = [
    "a",
    "b",
    "/",
    "/a",
    "/b",
    "//",
    "%61",
    "%2561",
    "%2F",
    "%252f",
    ";x=1",
    "%3B",
    "/%252e%252e",
    "/%252E",
    "%5C",
    "%255c",
    "/c",
    "%2561%252F",
];

fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.as_slice()), 0..6)
        .prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn rules() -> impl Strategy<Value = RuleOf> {
    let limit = Action::RateLimit(RateLimit::new(5, "minute".parse().unwrap()).unwrap());
    let pattern = prop::collection::vec(
        prop::sample::select(&["a", "b", "c", "/", "/*", "*", "%61", "%2F", "%2f", "%252F", ";x=1"][..]),
        0..5,
    );
    (
        prop::sample::select(vec![Action::Block, limit, Action::Allow]),
        prop::sample::select(&["*", "a.test", "*.test", "b.test:8443", "10.0.0.1", "*:8443"][..]),
        pattern.prop_map(|pieces| pieces.concat()),
        prop::sample::select(vec![&[][..], &["GET"], &["POST", "DELETE"], &["GET", "POST"]]),
        prop::sample::select(vec![
            About::Everyone,
            About::Everyone,
            About::TheAgent,
            About::ItsParent,
            About::SomebodyElse,
        ]),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(action, host, path, methods, about, enabled, asks_for_query, asks_for_header)| {
            let path =
                if path.is_empty() || path.starts_with(['/', '*']) { path } else { format!("/{path}") };
            RuleOf { action, host, path, methods, about, enabled, asks_for_query, asks_for_header }
        })
}

fn requests() -> impl Strategy<Value = RequestOf> {
    (
        prop::sample::select(&["GET", "HEAD", "POST", "DELETE", "PATCH"][..]),
        prop::option::weighted(0.2, prop::sample::select(&["DELETE", "get"][..])),
        prop::sample::select(&["a.test", "x.a.test", "test", "b.test", "10.0.0.1", "[::ffff:10.0.0.1]"][..]),
        prop::sample::select(&[443_u16, 8443][..]),
        paths(),
        prop::option::weighted(0.15, paths()),
        prop::sample::select(QUERIES.as_slice()),
        prop::sample::select(MODES.as_slice()),
    )
        .prop_map(|(method, other_method, host, port, path, other_path, query, mode)| RequestOf {
            method,
            other_method,
            host,
            port,
            path,
            other_path,
            query,
            mode,
        })
}

// --- the definition ---------------------------------------------------------------------------------------------------

/// A pattern: bytes, and nothing in the place of a star.
type Pattern = Vec<Option<u8>>;

fn pattern(text: &str) -> Pattern {
    text.bytes().map(|byte| (byte != b'*').then_some(byte)).collect()
}

fn fits(pattern: &[Option<u8>], text: &[u8], shortest: usize) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((None, rest)) => (shortest..=text.len()).any(|run| fits(rest, &text[run..], shortest)),
        Some((Some(byte), rest)) => text.first() == Some(byte) && fits(rest, &text[1..], shortest),
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

/// Undoes percent-encoding once; stars stay.
fn decoded(pattern: &[Option<u8>]) -> Pattern {
    match pattern {
        [] => Vec::new(),
        [Some(b'%'), Some(high), Some(low), rest @ ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => [vec![Some(high * 16 + low)], decoded(rest)].concat(),
            _ => [vec![Some(b'%')], decoded(&pattern[1..])].concat(),
        },
        [first, rest @ ..] => [vec![*first], decoded(rest)].concat(),
    }
}

fn decoded_text(text: &[u8]) -> Vec<u8> {
    decoded(&text.iter().map(|byte| Some(*byte)).collect::<Vec<_>>()).into_iter().flatten().collect()
}

fn segments(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/' || *byte == b'\\').map(<[u8]>::to_vec).collect()
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let cut =
        path.split(|byte| *byte == b'/').map(|segment| segment.split(|byte| *byte == b';').next().unwrap());
    cut.collect::<Vec<_>>().join(&b'/')
}

/// As a server would find the resource: empty and dot segments resolved.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let all = segments(path);
    for segment in &all {
        match segment.as_slice() {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment.clone()),
        }
    }
    let names_a_directory = matches!(all.last().map(Vec::as_slice), Some(b"" | b"." | b".."));
    let mut path = vec![b'/'];
    path.extend(kept.join(&b'/'));
    if names_a_directory && !kept.is_empty() {
        path.push(b'/');
    }
    path
}

/// Everything that a path can become by decoding, cutting parameters and cleaning, in any order, as often as one likes.
fn readings(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::from([path.to_vec()]);
    loop {
        let more: BTreeSet<Vec<u8>> = found
            .iter()
            .flat_map(|path| [decoded_text(path), without_parameters(path), cleaned(path)])
            .filter(|path| !found.contains(path))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// A dot segment, literal or encoded once, or a backslash.
fn is_bad(path: &[u8]) -> bool {
    let has_dots = |path: &[u8]| {
        segments(&without_parameters(path)).iter().any(|segment| segment == b"." || segment == b"..")
            || segments(path).iter().any(|segment| {
                let bare = segment.split(|byte| *byte == b';').next().unwrap();
                bare == b"." || bare == b".."
            })
    };
    path.contains(&b'\\') || has_dots(path) || has_dots(&decoded_text(path))
}

fn path_fits(text: &str, path: &[u8], as_written: bool) -> bool {
    let written = pattern(if text.is_empty() { "*" } else { text });
    let mut forms = vec![written];
    if !as_written {
        while decoded(forms.last().unwrap()) != *forms.last().unwrap() {
            forms.push(decoded(forms.last().unwrap()));
        }
    }
    let tail = [Some(b'/'), None];
    forms.iter().any(|form| {
        let bare = form.strip_suffix(tail.as_slice()).filter(|bare| !bare.is_empty());
        fits(form, path, 0) || bare.is_some_and(|bare| fits(bare, path, 0))
    })
}

fn host_fits(text: &str, host: &str, port: u16) -> bool {
    let (host_text, asked) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    asked.is_none_or(|asked| asked == port.to_string())
        && (host_text == "*" || fits(&pattern(host_text), host.as_bytes(), 1))
}

fn hosts(request: &RequestOf) -> Vec<&'static str> {
    match request.host {
        "[::ffff:10.0.0.1]" => vec!["::ffff:10.0.0.1", "10.0.0.1"],
        host => vec![host],
    }
}

fn is_about(rule: &RuleOf) -> bool {
    rule.enabled && !matches!(rule.about, About::SomebodyElse)
}

fn restricts(rule: &RuleOf, request: &RequestOf) -> bool {
    let mut methods = vec![request.method.to_owned()];
    methods.extend(request.other_method.map(str::to_uppercase));
    if request.method == "HEAD" {
        methods.push("GET".into());
    }
    let method =
        rule.methods.is_empty() || methods.iter().any(|method| rule.methods.contains(&method.as_str()));
    let mut paths = readings(request.path.as_bytes());
    if let Some(other) = &request.other_path {
        paths.extend(readings(other.as_bytes()));
    }
    is_about(rule)
        && hosts(request).iter().any(|host| host_fits(rule.host, host, request.port))
        && method
        && paths.iter().any(|path| {
            let bare = path.strip_suffix(b"/").filter(|bare| !bare.is_empty()).unwrap_or(path);
            path_fits(&rule.path, path, false) || path_fits(&rule.path, bare, false)
        })
        && (!rule.asks_for_query || request.query.1)
        && (!rule.asks_for_header || request.mode.1)
}

fn grants(rule: &RuleOf, request: &RequestOf) -> bool {
    let mut methods = vec![request.method.to_owned()];
    methods.extend(request.other_method.map(str::to_uppercase));
    let method =
        rule.methods.is_empty() || methods.iter().all(|method| rule.methods.contains(&method.as_str()));
    let mut paths = readings(request.path.as_bytes());
    if let Some(other) = &request.other_path {
        paths.extend(readings(other.as_bytes()));
    }
    is_about(rule)
        && hosts(request).iter().all(|host| host_fits(rule.host, host, request.port))
        && method
        && path_fits(&rule.path, request.path.as_bytes(), true)
        && paths.iter().all(|path| path_fits(&rule.path, path, false))
        && (!rule.asks_for_query || request.query.2)
        && (!rule.asks_for_header || request.mode.2)
}

/// Outcome, and the numbers of the limits that count.
fn defined(rules: &[RuleOf], request: &RequestOf, deny: bool) -> (&'static str, BTreeSet<usize>) {
    let restricted = |is_one: fn(Action) -> bool| -> BTreeSet<usize> {
        let all = rules.iter().enumerate();
        all.filter(|(_, rule)| is_one(rule.action) && restricts(rule, request))
            .map(|(number, _)| number)
            .collect()
    };
    let is_bad = is_bad(request.path.as_bytes())
        || request.other_path.as_ref().is_some_and(|path| self::is_bad(path.as_bytes()));
    let is_granted = rules.iter().any(|rule| rule.action != Action::Block && grants(rule, request));
    let outcome = match () {
        () if is_bad => return ("bad", BTreeSet::new()),
        () if !restricted(|action| action == Action::Block).is_empty() => "blocked",
        () if deny && !is_granted => "not granted",
        () => "allowed",
    };
    (outcome, restricted(|action| matches!(action, Action::RateLimit(_))))
}

// --- the engine -------------------------------------------------------------------------------------------------------

fn judged(rules: &[RuleOf], request: &RequestOf, deny: bool) -> (&'static str, BTreeSet<usize>) {
    let parent = AgentId::generate();
    let who = agent(Some(parent));
    let made: Vec<Rule> = rules
        .iter()
        .map(|of| {
            let mut made = rule(of.action, of.host, &of.path, of.methods);
            made.enabled = of.enabled;
            made.agent_id = match of.about {
                About::Everyone => None,
                About::TheAgent => Some(who.id),
                About::ItsParent => Some(parent),
                About::SomebodyElse => Some(AgentId::generate()),
            };
            if of.asks_for_query {
                made.conditions.push(Condition::QueryHas { name: "force".into(), value: None });
            }
            if of.asks_for_header {
                made.conditions.push(Condition::HeaderEquals { name: "x-mode".into(), value: "beta".into() });
            }
            made
        })
        .collect();
    let ids: Vec<RuleId> = made.iter().map(|rule| rule.id).collect();
    let mut case = Case::new(made, vec![]);
    case.agent = who;
    if deny {
        case = case.deny_by_default();
    }
    let mut headers = HeaderMap::new();
    for mode in request.mode.0 {
        headers.append("x-mode", HeaderValue::from_static(mode));
    }
    if let Some(method) = request.other_method {
        headers.insert("x-http-method-override", HeaderValue::from_static(method));
    }
    if let Some(path) = &request.other_path {
        headers.insert("x-original-url", path.parse().unwrap());
    }
    let query = request.query.0.map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("https://{}:{}{}{query}", request.host, request.port, request.path);
    case.with(request.method, &url, &headers, |facts, snapshot| {
        let Ok(facts) = facts else { return ("bad", BTreeSet::new()) };
        let evaluation = RuleEngine::evaluate(&facts, snapshot);
        let outcome = match evaluation.verdict {
            Verdict::Blocked(_) => "blocked",
            Verdict::NotGranted => "not granted",
            Verdict::Allowed(_) => "allowed",
            Verdict::Undecided => "undecided",
        };
        let number = |id: RuleId| ids.iter().position(|known| *known == id).unwrap();
        (outcome, evaluation.limits.iter().map(|rule| number(rule.id)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_says_what_the_definition_says_in_any_order(
        mut rules in prop::collection::vec(rules(), 0..5), request in requests(), deny: bool, turn in any::<prop::sample::Index>(),
    ) {
        if !rules.is_empty() {
            let turn = turn.index(rules.len());
            rules.rotate_left(turn);
        }
        prop_assert_eq!(judged(&rules, &request, deny), defined(&rules, &request, deny));
    }

    #[test]
    fn every_reading_of_a_path_is_known(path in paths(), pattern in paths()) {
        let of = |action| RuleOf {
            action, host: "*", path: pattern.clone(), methods: &[], about: About::Everyone, enabled: true,
            asks_for_query: false, asks_for_header: false,
        };
        let request = RequestOf {
            method: "GET", other_method: None, host: "a.test", port: 443, path, other_path: None, query: QUERIES[0], mode: MODES[0],
        };
        for action in [Action::Block, Action::Allow] {
            let rules = [of(action)];
            prop_assert_eq!(judged(&rules, &request, true), defined(&rules, &request, true));
        }
    }
}
