//! Which secrets go into a request.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use time::OffsetDateTime;

use super::Facts;
use crate::{
    model::{Injection, Secret},
    policy::{PolicySecret, Snapshot},
    refusal::{AmbiguousSecret, Cause},
};

/// The request header by which an agent chooses among secrets that fit equally well. Never forwarded.
pub(crate) const CHOICE: HeaderName = HeaderName::from_static("x-onecli-secret");

/// The secrets to put in, or why there are none.
pub(super) struct Selection {
    pub(super) secrets: Vec<Arc<PolicySecret>>,
    pub(super) not_injected_because: Option<&'static str>,
}

/// Chooses for each header the most specific secret that fits.
pub(super) fn select(
    facts: &Facts<'_>, snapshot: &Snapshot, choice: Option<&HeaderValue>, now: OffsetDateTime,
) -> Result<Selection, Cause> {
    let mut reason = "no secret is bound to this host";
    let mut fitting: Vec<&Arc<PolicySecret>> = Vec::new();
    for entry in facts.hosts().iter().flat_map(|host| snapshot.secrets_about(host)) {
        match misfit(facts, &entry.secret) {
            Some(misfit) => reason = misfit,
            None if fitting.iter().any(|known| known.secret.id == entry.secret.id) => {}
            None => fitting.push(entry),
        }
    }
    let mut secrets = Vec::new();
    // The most specific first; what it excludes goes, and of the rest the most specific again.
    while let Some(best) = fitting.iter().map(|entry| rank(&entry.secret)).max() {
        let leaders: Vec<_> = fitting.iter().copied().filter(|entry| rank(&entry.secret) == best).collect();
        let Some(first) = leaders.first().copied() else { break };
        let rivals: Vec<_> = leaders.into_iter().filter(|entry| excludes(first, entry)).collect();
        let chosen = choose(&rivals, choice)?;
        fitting.retain(|entry| !excludes(&chosen, entry));
        if chosen.secret.expires_at.is_some_and(|end| end <= now) {
            return Err(Cause::CredentialExpired(chosen.secret.name.clone()));
        }
        secrets.push(chosen);
    }
    // Who names a secret must not get another one without a word.
    let is_unmet = |choice: &HeaderValue| !secrets.iter().any(|entry| is_chosen(&entry.secret, choice));
    if !secrets.is_empty() && choice.is_some_and(is_unmet) {
        return Err(Cause::AmbiguousSecret(names(&secrets)));
    }
    let not_injected_because = secrets.is_empty().then_some(reason);
    Ok(Selection { secrets, not_injected_because })
}

/// Why a secret of this host does not go into the request.
fn misfit(facts: &Facts<'_>, secret: &Secret) -> Option<&'static str> {
    let any_path = crate::model::PathPattern::any();
    if !facts.agent().may_use(secret.id) {
        return Some("a secret is bound to this host, but it is not assigned to this agent");
    }
    if !facts.lies_within(&secret.host_pattern, Some(facts.default_port()), &any_path) {
        return Some("a secret is bound to this host, but not to this port or spelling of it");
    }
    if facts.is_plain() && !secret.allow_plain_http {
        return Some("a secret is bound to this host, but it may not travel without TLS");
    }
    if !facts.lies_within(&secret.host_pattern, Some(facts.default_port()), &secret.path_pattern) {
        return Some("a secret is bound to this host, but not to this path");
    }
    if let Injection::Path { template } = &secret.injection
        && !facts.fits(template)
    {
        return Some("a secret is bound to this host, but the path does not fit its template");
    }
    None
}

fn excludes(one: &PolicySecret, other: &PolicySecret) -> bool {
    one.secret.injection.excludes(&other.secret.injection)
}

/// Of those that are equally specific and exclude each other the one that the agent chose.
fn choose(rivals: &[&Arc<PolicySecret>], choice: Option<&HeaderValue>) -> Result<Arc<PolicySecret>, Cause> {
    match rivals {
        [only] => Ok(Arc::clone(only)),
        several => several
            .iter()
            .find(|entry| choice.is_some_and(|choice| is_chosen(&entry.secret, choice)))
            .map(|entry| Arc::clone(entry))
            .ok_or_else(|| Cause::AmbiguousSecret(names(several.iter().copied()))),
    }
}

fn is_chosen(secret: &Secret, choice: &HeaderValue) -> bool {
    choice.as_bytes() == secret.name.as_bytes() || choice.as_bytes() == secret.id.to_string().as_bytes()
}

fn names<'a>(entries: impl IntoIterator<Item = &'a Arc<PolicySecret>>) -> Vec<AmbiguousSecret> {
    let named =
        |entry: &Arc<PolicySecret>| AmbiguousSecret { id: entry.secret.id, name: entry.secret.name.clone() };
    entries.into_iter().map(named).collect()
}

/// Exact host over wildcard, then the longer host, then a path over none, then the longer path.
fn rank(secret: &Secret) -> (bool, usize, bool, usize) {
    let (exact, length) = secret.host_pattern.specificity();
    let path = &secret.path_pattern;
    (exact, length, !path.is_any(), path.as_str().len())
}
