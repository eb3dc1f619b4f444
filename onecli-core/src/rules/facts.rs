//! What the rules look at.

use http::{HeaderMap, HeaderName, Method, uri::Scheme};

use super::{
    body::Findings,
    conditions::{Evidence, Match},
    forms::{BadPath, PathForms},
    host_forms::HostForms,
};
use crate::{
    model::{HostPattern, PathPattern, PathTemplate, Rule, in_every_spelling},
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
    /// The services of git that the request announces: it also counts as a POST to them, for restrictions.
    announced: Vec<&'static str>,
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
pub(crate) static METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];
/// Headers by which some servers let a request name another path.
static PATH_OVERRIDES: [HeaderName; 2] =
    [HeaderName::from_static("x-original-url"), HeaderName::from_static("x-rewrite-url")];

impl<'a> Facts<'a> {
    /// Reads them off a request.
    ///
    /// # Errors
    /// If the path can't be judged; the text says why.
    pub fn of(
        agent: &'a PolicyAgent, target: &'a Target, method: &Method, headers: &'a HeaderMap,
    ) -> Result<Self, BadPath> {
        let paths = PathForms::read(&target.path)?;
        let (other_paths, other_queries) = overrides(headers)?;
        let evidence = Evidence::of(headers, target.query.as_deref(), other_queries);
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
            other_paths,
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
            method
                && (self.paths.looser().any(path)
                    || self.other_paths.iter().flat_map(PathForms::looser).any(path))
        };
        let announced = || {
            (rule.methods.is_empty() || has(&rule.methods, "POST"))
                && self.announced_paths().any(|announced| path(&announced))
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

    /// One at a time: they may be long.
    fn announced_paths(&self) -> impl Iterator<Item = Vec<u8>> {
        let bases = self.paths.iter().filter_map(|form| form.strip_suffix(GIT_ANNOUNCEMENT));
        bases.flat_map(|base| {
            self.announced.iter().map(move |service| [base, b"/", service.as_bytes()].concat())
        })
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
        let overrides = METHOD_OVERRIDES.iter().flat_map(|name| in_every_spelling(headers, name));
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

/// What override headers name: paths, each in every form, and queries.
type Overrides<'a> = (Vec<PathForms<'a>>, Vec<&'a str>);

fn overrides(headers: &HeaderMap) -> Result<Overrides<'_>, BadPath> {
    let (mut paths, mut queries) = (Vec::new(), Vec::new());
    for name in &PATH_OVERRIDES {
        let mut values = in_every_spelling(headers, name);
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err("a header that names another path came twice");
        }
        let text = value.to_str().map_err(|_| "a header that names another path holds none")?.trim();
        let behind_host = match text.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
            None => text,
        };
        let path = behind_host.split(['?', '#']).next().unwrap_or_default();
        let query = behind_host.split('#').next().and_then(|text| text.split_once('?'));
        queries.extend(query.map(|(_, query)| query));
        paths.push(match path.starts_with('/') {
            true => PathForms::read(path)?,
            // Some servers put the slash before it.
            false => PathForms::read(&format!("/{path}"))?.into_owned(),
        });
    }
    Ok((paths, queries))
}

/// Git asks `GET …/info/refs?service=git-receive-pack` before it sends `POST …/git-receive-pack`: which services are announced, in
/// any form of the path and of the query.
fn announced_git_services(paths: &PathForms<'_>, evidence: &Evidence<'_>) -> Vec<&'static str> {
    if !paths.iter().any(|path| path.ends_with(GIT_ANNOUNCEMENT)) {
        return Vec::new();
    }
    let is_named = |service: &&str| match evidence.query_pairs() {
        Some(pairs) => pairs.iter().any(|(name, value)| name == "service" && value == service),
        // It is encoded too deeply to be known: it may announce any.
        None => true,
    };
    GIT_SERVICES.into_iter().filter(is_named).collect()
}

const GIT_ANNOUNCEMENT: &[u8] = b"/info/refs";
const GIT_SERVICES: [&str; 3] = ["git-receive-pack", "git-upload-pack", "git-upload-archive"];
