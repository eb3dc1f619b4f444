//! Calls about the audit log.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Client, Error};
use crate::types::{AuditEvent, AuditQuery};

/// A page of audit events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The events, newest arrival first.
    pub events: Vec<AuditEvent>,
    /// The cursor of the next page; none if this is the last one.
    pub next: Option<String>,
}

impl Client {
    /// Finds audit events.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let (events, next) = self.get_page("v1/audit", &parameters(query)?).await?;
        Ok(AuditPage { events, next })
    }
}

fn parameters(query: &AuditQuery) -> Result<Vec<(&'static str, String)>, Error> {
    let parameters = [
        ("agent", query.agent.clone()),
        ("host", query.host.clone()),
        ("decision", query.decision.map(|decision| decision.as_str().to_owned())),
        ("method", query.method.clone()),
        ("status", query.status.map(|status| status.to_string())),
        ("secret", query.secret.clone()),
        ("rule", query.rule.clone()),
        ("injected", query.injected.map(|injected| injected.to_string())),
        ("since", query.since.map(rfc3339).transpose()?),
        ("until", query.until.map(rfc3339).transpose()?),
        ("q", query.text.clone()),
        ("limit", query.limit.map(|limit| limit.to_string())),
        ("cursor", query.cursor.clone()),
    ];
    Ok(parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn rfc3339(time: OffsetDateTime) -> Result<String, Error> {
    time.format(&Rfc3339).map_err(|_| Error::Configuration(format!("{time} is no time that the API knows")))
}
