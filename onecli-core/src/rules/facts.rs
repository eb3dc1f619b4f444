//! What the rules look at.

use http::{HeaderMap, Method, uri::Scheme};

use super::{
    body::Findings,
    conditions::{Evidence, Match},
    forms::{BadPath, PathForms},
    host_forms::HostForms,
};
use crate::{
    model::{HostPattern, PathPattern, PathTemplate, Rule},
    policy::PolicyAgent,
    target::Target,
};

/// What the rules look at: who asks for what, in every form in which it can be read.
///
/// Restrictions match if any form does, grants if all do.
#[derive(Debug)]
pub struct Facts<'a> {
    agent: &'a PolicyAgent,
    target: &'a Target,
    hosts: HostForms<'a>,
    methods: Methods,
    paths: PathForms<'a>,
    /// The paths that override headers name.
    other_paths: Vec<PathForms<'a>>,
    /// The paths to which the request also counts as a POST, for restrictions.
    announced: Vec<Vec<u8>>,
    evidence: Evidence<'a>,
}

#[derive(Debug)]
struct Methods {
    /// The method as sent, and the one that an override header names.
    meant: Vec<String>,
    /// For restrictions HEAD also counts as GET.
    implied: Option<&'static str>,
}

/// Headers by which frameworks let a request name another method.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// Headers by which some servers let a request name another path.
const PATH_OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

impl<'a> Facts<'a> {
    /// Reads them off a request.
    ///
    /// # Errors
    /// If the path can't be judged; the text says why.
    pub fn of(
        agent: &'a PolicyAgent, target: &'a Target, method: &Method, headers: &'a HeaderMap,
    ) -> Result<Self, BadPath> {
        let paths = PathForms::read(&target.path)?;
        let evidence = Evidence { headers, query: target.query.as_deref(), body: None };
        let announced = match *method {
            Method::GET | Method::HEAD => announced_git_services(&paths, &evidence),
            _ => Vec::new(),
        };
        Ok(Self {
            agent,
            target,
            hosts: HostForms::of(&target.host, target.port),
            methods: Methods::of(method, headers),
            paths,
            other_paths: overriding_paths(headers)?,
            announced,
            evidence,
        })
    }

    /// With what was found in the body. Without it, what turns on the body is undecided.
    #[must_use]
    pub(super) fn with_body(mut self, findings: &'a Findings) -> Self {
        self.evidence.body = Some(findings);
        self
    }

    /// Who asks.
    #[must_use]
    pub fn agent(&self) -> &PolicyAgent {
        self.agent
    }

    /// The host by which rules and secrets are looked up.
    pub(super) fn hosts(&self) -> &HostForms<'a> {
        &self.hosts
    }

    /// Whether `rule`, as a restriction, matches: by any form.
    pub(super) fn restricted_by(&self, rule: &Rule) -> Match {
        match self.is_restricted_at_all(rule) {
            true => self.evidence.restricts(&rule.conditions),
            false => Match::No,
        }
    }

    fn is_restricted_at_all(&self, rule: &Rule) -> bool {
        let host = self.hosts.any_within(&rule.host_pattern);
        let path = |path: &[u8]| rule.path_pattern.matches_reading(path);
        let direct = || {
            let method =
                rule.methods.is_empty() || self.methods.all_readings().any(|name| has(&rule.methods, name));
            method && self.all_paths().any(path)
        };
        let announced = || {
            (rule.methods.is_empty() || has(&rule.methods, "POST"))
                && self.announced.iter().any(|announced| path(announced))
        };
        self.is_about(rule) && host && (direct() || announced())
    }

    /// Whether `rule`, as a grant, matches: by all forms.
    pub(super) fn granted_by(&self, rule: &Rule) -> Match {
        match self.is_granted_at_all(rule) {
            true => self.evidence.grants(&rule.conditions),
            false => Match::No,
        }
    }

    fn is_granted_at_all(&self, rule: &Rule) -> bool {
        let method =
            || rule.methods.is_empty() || self.methods.meant.iter().all(|name| has(&rule.methods, name));
        self.is_about(rule) && self.lies_within(&rule.host_pattern, None, &rule.path_pattern) && method()
    }

    /// Whether all forms of host and path lie within the patterns.
    pub(super) fn lies_within(
        &self, host: &HostPattern, default_port: Option<u16>, path: &PathPattern,
    ) -> bool {
        self.hosts.all_within(host, default_port)
            && path.matches(self.target.path.as_bytes())
            && self.all_paths().all(|form| path.matches_reading(form))
    }

    /// Whether all forms of the path fit the template.
    pub(super) fn fits(&self, template: &PathTemplate) -> bool {
        self.paths.iter().all(|form| template.find(form).is_some())
    }

    /// Whether the request travels without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.target.scheme == Scheme::HTTP
    }

    /// The port that a secret's pattern without one means.
    pub(super) fn default_port(&self) -> u16 {
        Target::default_port(&self.target.scheme)
    }

    fn all_paths(&self) -> impl Iterator<Item = &[u8]> {
        self.paths.iter().chain(self.other_paths.iter().flat_map(PathForms::iter))
    }

    fn is_about(&self, rule: &Rule) -> bool {
        rule.agent_id.is_none_or(|id| self.agent.counts_as(id))
    }
}

impl Methods {
    fn of(method: &Method, headers: &HeaderMap) -> Self {
        let overrides = METHOD_OVERRIDES.iter().flat_map(|name| headers.get_all(*name));
        let named =
            overrides.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_uppercase());
        Self {
            meant: std::iter::once(method.as_str().to_owned()).chain(named).collect(),
            implied: (*method == Method::HEAD).then_some("GET"),
        }
    }

    fn all_readings(&self) -> impl Iterator<Item = &str> {
        self.meant.iter().map(String::as_str).chain(self.implied)
    }
}

/// Rules hold methods in upper case; a method in another case is another one (RFC 9110 9.1), but services may not know.
fn has(methods: &[String], name: &str) -> bool {
    methods.iter().any(|method| method.eq_ignore_ascii_case(name))
}

/// What override headers name, in each form: a path, or a URL, with or without a query.
fn overriding_paths(headers: &HeaderMap) -> Result<Vec<PathForms<'_>>, BadPath> {
    let values = PATH_OVERRIDES.iter().flat_map(|name| headers.get_all(*name));
    let paths = values.map(|value| {
        let text = value.to_str().map_err(|_| "a header that names another path holds none")?;
        let behind_host = text
            .split_once("://")
            .map_or(text, |(_, rest)| rest.split_at(rest.find('/').unwrap_or(rest.len())).1);
        PathForms::read(behind_host.split(['?', '#']).next().unwrap_or_default())
    });
    paths.collect()
}

/// Git asks `GET …/info/refs?service=git-receive-pack` before it sends `POST …/git-receive-pack`: for each form of the path and
/// of the query, the path of the service that it announces.
fn announced_git_services(paths: &PathForms<'_>, evidence: &Evidence<'_>) -> Vec<Vec<u8>> {
    let bases: Vec<&[u8]> = paths.iter().filter_map(|path| path.strip_suffix(b"/info/refs")).collect();
    if bases.is_empty() {
        return Vec::new();
    }
    let services: Vec<String> = match evidence.query_pairs() {
        Some(pairs) => {
            pairs.into_iter().filter(|(name, _)| name == "service").map(|(_, value)| value).collect()
        }
        // It is encoded too deeply to be known: it may announce either.
        None => GIT_SERVICES.map(str::to_owned).into(),
    };
    let announced = |base: &&[u8]| {
        let base = base.to_vec();
        services
            .iter()
            .map(move |service| [&base, &b"/"[..], service.as_bytes()].concat())
            .collect::<Vec<_>>()
    };
    bases.iter().flat_map(announced).collect()
}

const GIT_SERVICES: [&str; 2] = ["git-receive-pack", "git-upload-pack"];
