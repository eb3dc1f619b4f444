//! Audit events.

use async_trait::async_trait;
use rusqlite::{Transaction, params};
use time::OffsetDateTime;

use super::{
    SqliteStore,
    columns::{Columns, micros, to_json},
    event_query::Question,
};
use crate::{
    model::{AuditEvent, Decision, EventId, EventKind},
    store::{AuditPage, AuditQuery, AuditStore, StoreError, WALK},
};

const WHAT: &str = "audit event";
/// So many are deleted in one transaction: other writes wait for it.
/// So many rows are sorted in a moment.
const FEW: i64 = 20_000;
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
    let floor = if query.is_walk() { floor(transaction, query)? } else { None };
    let question = Question::of(query, floor, has_few(transaction, query)?);
    let mut statement = transaction.prepare_cached(&question.sql(limit + 1))?;
    let mut rows = statement.query(question.values().as_slice())?;
    let mut page = AuditPage::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.events.len() == limit as usize {
            page.next = last;
            return Ok(page);
        }
        last = row.get::<_, i64>("seq")?.try_into().ok();
        page.events.push(read(&Columns::of(row, WHAT)?)?);
    }
    page.next = floor;
    Ok(page)
}

/// From where on events are looked at, if not from the first one.
fn floor(transaction: &Transaction<'_>, query: &AuditQuery) -> Result<Option<u64>, StoreError> {
    let newest: i64 =
        transaction.query_row("SELECT coalesce(max(seq), 0) FROM audit_events", [], |row| row.get(0))?;
    let newest = u64::try_from(newest).unwrap_or(0) + 1;
    let floor = query.cursor.map_or(newest, |cursor| cursor.min(newest)).saturating_sub(WALK);
    let first: i64 =
        transaction.query_row("SELECT coalesce(min(seq), 0) FROM audit_events", [], |row| row.get(0))?;
    Ok(Some(floor).filter(|floor| *floor > u64::try_from(first).unwrap_or(0)))
}

/// Whether so few events are of the time that is asked for that it is best to begin with them.
fn has_few(transaction: &Transaction<'_>, query: &AuditQuery) -> Result<bool, StoreError> {
    if query.since.is_none() && query.until.is_none() {
        return Ok(false);
    }
    let sql = "SELECT count(*) FROM (SELECT 1 FROM audit_events WHERE at >= ?1 AND at < ?2 LIMIT ?3)";
    let (since, until) = (query.since.map_or(i64::MIN, micros), query.until.map_or(i64::MAX, micros));
    let found: i64 = transaction.query_row(sql, params![since, until, FEW + 1], |row| row.get(0))?;
    Ok(found <= FEW)
}

fn delete_batch(transaction: &Transaction<'_>, limit: OffsetDateTime) -> Result<u64, StoreError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM audit_events WHERE seq IN (SELECT seq FROM audit_events WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?;
    Ok(statement.execute(params![micros(limit), DELETE_BATCH])? as u64)
}

/// SQLite's numbers are signed; ours never come near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
