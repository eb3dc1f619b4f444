//! Judging the conditions of a rule.

use std::cell::OnceCell;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::body::Findings;
use crate::model::{Condition, in_every_spelling, is_same_parameter};

/// Whether a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// It turns on the body, which was not read yet.
    Undecided,
}

impl From<bool> for Match {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

/// What conditions look at.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    headers: &'a HeaderMap,
    query: Option<&'a str>,
    /// Queries that headers name, which a service may read in its place.
    other_queries: Vec<&'a str>,
    /// Read when it is first asked for.
    pairs: OnceCell<Option<Vec<(String, String)>>>,
    /// None as long as the body was not read.
    pub(super) body: Option<&'a Findings>,
}

/// A query that is encoded more often than this may hold anything.
const DEEPEST: usize = 8;
/// A query that can be read as more parameters than this may hold anything too.
const MOST_PAIRS: usize = 4_096;

impl<'a> Evidence<'a> {
    pub(super) fn of(headers: &'a HeaderMap, query: Option<&'a str>, other_queries: Vec<&'a str>) -> Self {
        Self { headers, query, other_queries, pairs: OnceCell::new(), body: None }
    }

    /// Whether all conditions hold, for a restriction: in any form, and what is not known holds.
    pub(super) fn restricts(&self, conditions: &[Condition]) -> Match {
        all(conditions, |condition| match condition {
            Condition::BodyContains { value } => {
                self.body.map_or(Match::Undecided, |body| body.may_hold(value).into())
            }
            Condition::HeaderEquals { name, value } => {
                self.fields_in_any_spelling(name, |field| field == value.as_bytes()).into()
            }
            Condition::HeaderContains { name, value } => {
                self.fields_in_any_spelling(name, |field| holds(field, value)).into()
            }
            Condition::QueryHas { name, value } => self.query_may_have(name, value.as_deref()).into(),
        })
    }

    /// Whether all conditions hold, for a grant: in all forms, and what is not known does not hold.
    pub(super) fn grants(&self, conditions: &[Condition]) -> Match {
        let some_and_all = |name: &str, holds: &dyn Fn(&[u8]) -> bool| {
            self.fields(name).next().is_some() && self.fields(name).all(holds)
        };
        all(conditions, |condition| match condition {
            Condition::BodyContains { value } => {
                self.body.map_or(Match::Undecided, |body| body.surely_hold(value).into())
            }
            Condition::HeaderEquals { name, value } => {
                some_and_all(name, &|field| field == value.as_bytes()).into()
            }
            Condition::HeaderContains { name, value } => {
                some_and_all(name, &|field| holds(field, value)).into()
            }
            Condition::QueryHas { name, value } => self.query_surely_has(name, value.as_deref()).into(),
        })
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers.get_all(name).into_iter().map(HeaderValue::as_bytes).map(<[u8]>::trim_ascii)
    }

    fn fields_in_any_spelling(&self, name: &str, is_meant: impl Fn(&[u8]) -> bool) -> bool {
        let Ok(name) = HeaderName::try_from(name) else { return true };
        in_every_spelling(self.headers, &name).any(|value| is_meant(value.as_bytes().trim_ascii()))
    }

    fn query_may_have(&self, name: &str, value: Option<&str>) -> bool {
        let Some(pairs) = self.query_pairs() else { return true };
        // A value ends at a NUL for some.
        let is_value =
            |text: &str| value.is_none_or(|value| value == text || text.split('\0').next() == Some(value));
        pairs.iter().any(|(key, text)| is_read_as(key, name) && is_value(text))
    }

    fn query_surely_has(&self, name: &str, value: Option<&str>) -> bool {
        let Some(pairs) = self.query_pairs() else { return false };
        let plain = self.query.unwrap_or_default().split('&');
        let is_there =
            plain.map(|piece| piece.split_once('=').map_or(piece, |(key, _)| key)).any(|key| key == name);
        is_there && pairs.iter().all(|(key, text)| key != name || value.is_none_or(|value| value == text))
    }

    /// Names and values of the query in every form: cut at `&` or `;`, before or after decoding, decoded once or more;
    /// none if it is encoded too deeply.
    pub(super) fn query_pairs(&self) -> Option<&[(String, String)]> {
        self.pairs.get_or_init(|| self.read_pairs()).as_deref()
    }

    fn read_pairs(&self) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        let queries = self.query.iter().chain(&self.other_queries);
        let wholes: Option<Vec<Vec<String>>> = queries.map(|query| forms(query)).collect();
        for whole in wholes?.into_iter().flatten() {
            for piece in whole.split(['&', ';']) {
                let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
                let (names, values) = (forms(name)?, forms(value)?);
                if pairs.len() + names.len() * values.len() > MOST_PAIRS {
                    return None;
                }
                for name in &names {
                    pairs.extend(values.iter().map(|value| (name.clone(), value.clone())));
                }
            }
        }
        Some(pairs)
    }
}

fn all(conditions: &[Condition], judge: impl Fn(&Condition) -> Match) -> Match {
    let judged = || conditions.iter().map(&judge);
    match () {
        () if judged().any(|matches| matches == Match::No) => Match::No,
        () if judged().any(|matches| matches == Match::Undecided) => Match::Undecided,
        () => Match::Yes,
    }
}

/// Whether a service may take a parameter's name for another: PHP and others trim it, and cut it at a NUL.
fn is_read_as(key: &str, name: &str) -> bool {
    is_same_parameter(key, name) || key.split('\0').next().is_some_and(|key| is_same_parameter(key, name))
}

fn holds(field: &[u8], text: &str) -> bool {
    memchr::memmem::find(field, text.as_bytes()).is_some()
}

/// A text as it is and decoded again until it stands still, each with `+` read as itself and as a space.
fn forms(text: &str) -> Option<Vec<String>> {
    let mut forms = vec![text.to_owned()];
    let mut last = text.to_owned();
    for depth in 0.. {
        let next = percent_decode_str(&last).decode_utf8_lossy().into_owned();
        if next == last {
            break;
        }
        if depth == DEEPEST {
            return None;
        }
        forms.push(next.clone());
        last = next;
    }
    let spaced: Vec<String> =
        forms.iter().filter(|form| form.contains('+')).map(|form| form.replace('+', " ")).collect();
    forms.extend(spaced);
    Some(forms)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{Evidence, Match};
    use crate::model::Condition;

    fn query(name: &str, value: Option<&str>) -> Condition {
        Condition::QueryHas { name: name.into(), value: value.map(Into::into) }
    }

    fn judged(condition: &Condition, headers: &HeaderMap, query: Option<&str>) -> (bool, bool) {
        let evidence = Evidence::of(headers, query, Vec::new());
        let conditions = std::slice::from_ref(condition);
        (evidence.restricts(conditions) == Match::Yes, evidence.grants(conditions) == Match::Yes)
    }

    #[test]
    fn a_restriction_sees_every_form_of_a_query_and_a_grant_asks_for_all() {
        for (text, expected) in [
            ("force=1", (true, true)),
            ("a=b&force=1", (true, true)),
            ("force=1&force=1", (true, true)),
            ("force=%31", (true, false)),
            ("%66orce=1", (true, false)),
            ("%2566orce=1", (true, false)),
            ("a=b;force=1", (true, false)),
            ("a=b%26force=1", (true, false)),
            ("force=1&force=2", (true, false)),
            ("+force=1", (true, false)),
            ("force[]=1", (true, false)),
            ("Force%00x=1%00", (true, false)),
            ("force=2", (false, false)),
            ("force", (false, false)),
            ("a=force=1", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(judged(&query("force", Some("1")), &HeaderMap::new(), Some(text)), expected, "{text}");
        }
        assert_eq!(judged(&query("force", None), &HeaderMap::new(), Some("force")), (true, true));
        assert_eq!(judged(&query("force", None), &HeaderMap::new(), None), (false, false));
        assert_eq!(judged(&query("q", Some("a b")), &HeaderMap::new(), Some("q=a+b")), (true, false));
        let deep = "%25252525252525252566orce=1";
        assert_eq!(judged(&query("x", None), &HeaderMap::new(), Some(deep)), (true, false));
    }

    #[test]
    fn a_restriction_sees_every_field_and_a_grant_asks_for_all() {
        let mut headers = HeaderMap::new();
        let condition = Condition::HeaderContains { name: "x-mode".into(), value: "beta".into() };
        assert_eq!(judged(&condition, &headers, None), (false, false));
        headers.append("x-mode", HeaderValue::from_static("the beta one"));
        assert_eq!(judged(&condition, &headers, None), (true, true));
        headers.append("x-mode", HeaderValue::from_static("stable"));
        assert_eq!(judged(&condition, &headers, None), (true, false));
        let equals = Condition::HeaderEquals { name: "x-mode".into(), value: "stable".into() };
        assert_eq!(judged(&equals, &headers, None), (true, false));
    }

    #[test]
    fn a_body_is_asked_for_only_if_all_else_holds() {
        let (headers, body) = (HeaderMap::new(), Condition::BodyContains { value: "x".into() });
        let evidence = Evidence::of(&headers, Some("a"), Vec::new());
        assert_eq!(evidence.restricts(&[body.clone(), query("a", None)]), Match::Undecided);
        assert_eq!(evidence.restricts(&[body, query("b", None)]), Match::No);
    }
}
