//! Audit events.

use async_trait::async_trait;
use rusqlite::{ToSql, Transaction, params};
use time::OffsetDateTime;

use super::{
    SqliteStore,
    columns::{Columns, micros, to_json},
};
use crate::{
    model::{AuditEvent, Decision, EventId, EventKind},
    store::{AuditPage, AuditQuery, AuditStore, StoreError},
};

const WHAT: &str = "audit event";
/// So many are deleted in one transaction: other writes wait for it.
const DELETE_BATCH: u32 = 2000;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn insert_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let events = events.to_vec();
        self.connections
            .write(move |transaction| events.iter().try_for_each(|event| insert(transaction, event)))
            .await
    }

    async fn query_events(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let query = query.clone();
        self.connections.read(move |transaction| find(transaction, &query)).await
    }

    async fn get_event(&self, id: EventId) -> Result<Option<AuditEvent>, StoreError> {
        self.connections
            .read(move |transaction| {
                let mut statement = transaction.prepare_cached("SELECT * FROM audit_events WHERE id = ?1")?;
                let mut rows = statement.query([id.to_string()])?;
                rows.next()?.map(|row| read(&Columns::of(row, WHAT)?)).transpose()
            })
            .await
    }

    async fn delete_events_before(&self, limit: OffsetDateTime) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let batch = self.connections.write(move |transaction| delete_batch(transaction, limit)).await?;
            deleted += batch;
            if batch < DELETE_BATCH.into() {
                return Ok(deleted);
            }
        }
    }
}

fn insert(transaction: &Transaction<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    // By position: to find 27 names costs more than to write the row.
    let mut statement = transaction.prepare_cached(
        "INSERT INTO audit_events (id, at, kind, actor, source, agent_id, agent_name, parent_agent_id, method, scheme, \
         host, port, path, decision, reason, not_injected_because, rule_id, rule_name, secret_ids, limits, gateway, status, \
         request_bytes, response_bytes, duration_ms, count, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
         ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET count = max(count, excluded.count)",
    )?;
    statement.execute(params![
        event.id.to_string(),
        micros(event.at),
        event.kind.as_str(),
        event.actor,
        event.source,
        event.agent_id.map(|id| id.to_string()),
        event.agent_name,
        event.parent_agent_id.map(|id| id.to_string()),
        event.method,
        event.scheme,
        event.host,
        event.port,
        event.path,
        event.decision.as_str(),
        event.reason,
        event.not_injected_because,
        event.rule_id.map(|id| id.to_string()),
        event.rule_name,
        to_json(&event.secret_ids)?,
        to_json(&event.limits)?,
        event.gateway,
        event.status,
        signed(event.request_bytes),
        signed(event.response_bytes),
        signed(event.duration_ms),
        signed(event.count),
        event.error,
    ])?;
    Ok(())
}

fn read(columns: &Columns<'_>) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        id: columns.parse("id")?,
        at: columns.time("at")?,
        kind: columns.named("kind", EventKind::from_name)?,
        actor: columns.get("actor")?,
        source: columns.get("source")?,
        agent_id: columns.opt_parse("agent_id")?,
        agent_name: columns.get("agent_name")?,
        parent_agent_id: columns.opt_parse("parent_agent_id")?,
        method: columns.get("method")?,
        scheme: columns.get("scheme")?,
        host: columns.get("host")?,
        port: columns.get("port")?,
        path: columns.get("path")?,
        decision: columns.named("decision", Decision::from_name)?,
        reason: columns.get("reason")?,
        not_injected_because: columns.get("not_injected_because")?,
        rule_id: columns.opt_parse("rule_id")?,
        rule_name: columns.get("rule_name")?,
        secret_ids: columns.json("secret_ids")?,
        limits: columns.json("limits")?,
        gateway: columns.get("gateway")?,
        status: columns.get("status")?,
        request_bytes: columns.unsigned("request_bytes")?,
        response_bytes: columns.unsigned("response_bytes")?,
        duration_ms: columns.unsigned("duration_ms")?,
        count: columns.unsigned("count")?,
        error: columns.get("error")?,
    })
}

fn find(transaction: &Transaction<'_>, query: &AuditQuery) -> Result<AuditPage, StoreError> {
    let limit = query.limit.clamp(1, 1000);
    let (conditions, values) = conditions(query);
    // The inner part is often answered from an index alone: then a wide range of time sorts numbers, not rows.
    let sql = format!(
        "SELECT * FROM audit_events WHERE seq IN (SELECT seq FROM audit_events WHERE {conditions} \
         ORDER BY seq DESC LIMIT {}) ORDER BY seq DESC",
        limit + 1
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let bound: Vec<(&str, &dyn ToSql)> =
        values.iter().map(|(name, value)| (*name, &**value as &dyn ToSql)).collect();
    let mut rows = statement.query(bound.as_slice())?;
    let mut page = AuditPage::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.events.len() == limit as usize {
            page.next = last;
            break;
        }
        last = row.get::<_, i64>("seq")?.try_into().ok();
        page.events.push(read(&Columns::of(row, WHAT)?)?);
    }
    Ok(page)
}

fn delete_batch(transaction: &Transaction<'_>, limit: OffsetDateTime) -> Result<u64, StoreError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM audit_events WHERE seq IN (SELECT seq FROM audit_events WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?;
    Ok(statement.execute(params![micros(limit), DELETE_BATCH])? as u64)
}

type Values = Vec<(&'static str, Box<dyn ToSql>)>;

/// The condition of a query, and the values in it: nothing that comes from outside stands in the text.
fn conditions(query: &AuditQuery) -> (String, Values) {
    let mut texts = vec!["TRUE"];
    let mut values: Values = Vec::new();
    let mut add = |text: &'static str, name: &'static str, value: Option<Box<dyn ToSql>>| {
        if let Some(value) = value {
            texts.push(text);
            values.push((name, value));
        }
    };
    let text = |value: Option<String>| value.map(|value| Box::new(value) as Box<dyn ToSql>);
    let number = |value: Option<i64>| value.map(|value| Box::new(value) as Box<dyn ToSql>);
    add(
        "(agent_id = :agent OR parent_agent_id = :agent)",
        ":agent",
        text(query.agent.map(|id| id.to_string())),
    );
    add("host = :host", ":host", text(query.host.clone()));
    // In so many words, so that SQLite sees that the index is enough.
    let by_decision = match query.decision {
        Some(Decision::Allowed) => "decision = :decision",
        _ => "decision = :decision AND decision <> 'allowed'",
    };
    add(by_decision, ":decision", text(query.decision.map(|decision| decision.as_str().to_owned())));
    add("method = :method", ":method", text(query.method.clone()));
    add("status = :status", ":status", number(query.status.map(i64::from)));
    add("rule_id = :rule", ":rule", text(query.rule.map(|id| id.to_string())));
    add("at >= :since", ":since", number(query.since.map(micros)));
    add("at < :until", ":until", number(query.until.map(micros)));
    add("seq < :cursor", ":cursor", number(query.cursor.map(signed)));
    add(
        "EXISTS (SELECT 1 FROM json_each(secret_ids) WHERE value = :secret)",
        ":secret",
        text(query.secret.map(|id| id.to_string())),
    );
    add("(secret_ids <> '[]') = :injected", ":injected", number(query.injected.map(i64::from)));
    add(
        "(host LIKE :text ESCAPE '\\' OR path LIKE :text ESCAPE '\\' OR agent_name LIKE :text ESCAPE '\\' \
         OR rule_name LIKE :text ESCAPE '\\' OR reason LIKE :text ESCAPE '\\' OR error LIKE :text ESCAPE '\\')",
        ":text",
        text(query.text.as_deref().map(like)),
    );
    (texts.join(" AND "), values)
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
