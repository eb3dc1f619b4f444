//! Questions to the audit log as SQL: nothing that comes from outside stands in the text.

use tokio_postgres::types::ToSql;

use crate::{
    model::Decision,
    store::{AuditQuery, FAILED},
};

type Parameter = Box<dyn ToSql + Sync + Send>;

/// The condition of a question, and the values in it.
#[derive(Default)]
pub(super) struct Question {
    conditions: Vec<String>,
    values: Vec<Parameter>,
}

impl Question {
    /// `floor`: only events from there on.
    pub(super) fn of(query: &AuditQuery, floor: Option<u64>) -> Self {
        let mut question = Self::default();
        question.add("(agent_id = $ OR parent_agent_id = $)", query.agent.map(|id| id.0));
        question.add("host = $", query.host.clone());
        // In so many words, so that the planner sees that the index is enough.
        let by_decision = match query.decision {
            Some(Decision::Allowed) => "decision = $",
            _ => "decision = $ AND decision <> 'allowed'",
        };
        question.add(by_decision, query.decision.map(Decision::as_str));
        question.add("method = $", query.method.clone());
        let by_status = match query.status {
            Some(status) if status >= FAILED => "status = $ AND status >= 400",
            _ => "status = $",
        };
        question.add(by_status, query.status.map(i32::from));
        question.add("rule_id = $", query.rule.map(|id| id.0));
        question.add("at >= $", query.since);
        question.add("at < $", query.until);
        question.add("seq < $", query.cursor.map(|cursor| i64::try_from(cursor).unwrap_or(i64::MAX)));
        question.add("seq >= $", floor.map(|floor| i64::try_from(floor).unwrap_or(i64::MAX)));
        question.add("$ = ANY (secret_ids)", query.secret.map(|id| id.0));
        question.add("(cardinality(secret_ids) > 0) = $", query.injected);
        question.add(
            "(host ILIKE $ OR path ILIKE $ OR agent_name ILIKE $ OR rule_name ILIKE $ OR reason ILIKE $ OR error ILIKE $)",
            query.text.as_deref().map(like),
        );
        question
    }

    /// `$` in a condition stands for its value, as often as it is there.
    fn add(&mut self, condition: &str, value: Option<impl ToSql + Sync + Send + 'static>) {
        let Some(value) = value else { return };
        self.values.push(Box::new(value));
        self.conditions.push(condition.replace('$', &format!("${}", self.values.len())));
    }

    pub(super) fn sql(&self, limit: u32) -> String {
        let conditions = match self.conditions.is_empty() {
            true => "TRUE".to_owned(),
            false => self.conditions.join(" AND "),
        };
        format!("SELECT * FROM audit_events WHERE {conditions} ORDER BY seq DESC LIMIT {limit}")
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// A pattern that finds `text` as it stands.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    // There is none in the database.
    format!("%{}%", escaped.replace('\0', "\u{fffd}"))
}
