//! Questions to the audit log as SQL: nothing that comes from outside stands in the text.

use rusqlite::ToSql;

use super::columns::micros;
use crate::{
    model::Decision,
    store::{AuditQuery, FAILED},
};

type Values = Vec<(&'static str, Box<dyn ToSql>)>;

/// The condition of a question, and the values in it.
pub(super) struct Question {
    conditions: Vec<&'static str>,
    values: Values,
    /// Each of these is asked by itself, since each has an index of its own.
    either: Vec<&'static str>,
}

impl Question {
    /// `floor`: only events from there on. `has_few`: so few events are of the time that is asked for that no other index is used.
    pub(super) fn of(query: &AuditQuery, floor: Option<u64>, has_few: bool) -> Self {
        let mut question = Self { conditions: Vec::new(), values: Vec::new(), either: Vec::new() };
        let text = |value: Option<String>| value.map(|value| Box::new(value) as Box<dyn ToSql>);
        let number = |value: Option<i64>| value.map(|value| Box::new(value) as Box<dyn ToSql>);
        if let Some(agent) = query.agent {
            question.values.push((":agent", Box::new(agent.to_string())));
            // A sign before a column keeps its index out (SQLite, "Disqualifying WHERE Clause Terms").
            question.either = match has_few {
                true => vec!["(+agent_id = :agent OR +parent_agent_id = :agent)"],
                false => vec!["agent_id = :agent", "parent_agent_id = :agent"],
            };
        }
        let by_host = if has_few { "+host = :host" } else { "host = :host" };
        question.add(by_host, ":host", text(query.host.clone()));
        // In so many words, so that SQLite sees that the index is enough.
        let by_decision = match query.decision {
            Some(Decision::Allowed) => "decision = :decision",
            _ if has_few => "+decision = :decision",
            _ => "decision = :decision AND decision <> 'allowed'",
        };
        let decision = query.decision.map(|decision| decision.as_str().to_owned());
        question.add(by_decision, ":decision", text(decision));
        question.add("method = :method", ":method", text(query.method.clone()));
        let by_status = match query.status {
            Some(status) if status >= FAILED && !has_few => "status = :status AND status >= 400",
            _ => "status = :status",
        };
        question.add(by_status, ":status", number(query.status.map(i64::from)));
        question.add("rule_id = :rule", ":rule", text(query.rule.map(|id| id.to_string())));
        question.add("at >= :since", ":since", number(query.since.map(micros)));
        question.add("at < :until", ":until", number(query.until.map(micros)));
        question.add("seq < :cursor", ":cursor", number(query.cursor.map(signed)));
        question.add("seq >= :floor", ":floor", number(floor.map(signed)));
        question.add(
            "EXISTS (SELECT 1 FROM json_each(secret_ids) WHERE value = :secret)",
            ":secret",
            text(query.secret.map(|id| id.to_string())),
        );
        question.add("(secret_ids <> '[]') = :injected", ":injected", number(query.injected.map(i64::from)));
        question.add(
            "(host LIKE :text ESCAPE '\\' OR path LIKE :text ESCAPE '\\' OR agent_name LIKE :text ESCAPE '\\' \
             OR rule_name LIKE :text ESCAPE '\\' OR reason LIKE :text ESCAPE '\\' OR error LIKE :text ESCAPE '\\')",
            ":text",
            text(query.text.as_deref().map(like)),
        );
        question
    }

    fn add(&mut self, condition: &'static str, name: &'static str, value: Option<Box<dyn ToSql>>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push((name, value));
        }
    }

    pub(super) fn sql(&self, limit: u32) -> String {
        let all = match self.conditions.is_empty() {
            true => "TRUE".to_owned(),
            false => self.conditions.join(" AND "),
        };
        // The inner part is often answered from an index alone: then a wide range of time sorts numbers, not rows.
        let part = |own: &str| {
            format!(
                "SELECT seq FROM (SELECT seq FROM audit_events WHERE {own}{all} ORDER BY seq DESC LIMIT {limit})"
            )
        };
        let parts = match self.either.is_empty() {
            true => part(""),
            false => self
                .either
                .iter()
                .map(|own| part(&format!("{own} AND ")))
                .collect::<Vec<_>>()
                .join(" UNION ALL "),
        };
        format!("SELECT * FROM audit_events WHERE seq IN ({parts}) ORDER BY seq DESC LIMIT {limit}")
    }

    pub(super) fn values(&self) -> Vec<(&str, &dyn ToSql)> {
        self.values.iter().map(|(name, value)| (*name, &**value as &dyn ToSql)).collect()
    }
}

/// A pattern that finds `text` as it stands.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// SQLite's numbers are signed; ours never come near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
