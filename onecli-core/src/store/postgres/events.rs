//! Audit events.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::{PostgresStore, columns::Columns, event_query::Question, policy::in_time};
use crate::{
    model::{AuditEvent, Decision, EventId, EventKind, SecretId},
    store::{AuditPage, AuditQuery, AuditStore, StoreError, WALK},
};

const WHAT: &str = "audit event";
/// So many are deleted at once: rows are locked for as long.
const DELETE_BATCH: i64 = 5_000;
/// The lock under which events are written: their numbers grow in the order of commits then. The number is this program's own.
const LOCK: i64 = 0x6f6e_6563_6c69_0002;

/// How long a batch may take; what is not answered then is sent again, and taken once.
const INSERTING: Duration = Duration::from_secs(30);

/// One statement, so that a batch is one round trip.
const INSERT: &str = "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($2)) \
    INSERT INTO audit_events (id, at, kind, actor, source, agent_id, agent_name, parent_agent_id, method, scheme, host, \
    port, path, decision, reason, not_injected_because, rule_id, rule_name, secret_ids, limits, gateway, status, \
    request_bytes, response_bytes, duration_ms, count, error) \
    SELECT id, at, kind, actor, source, agent_id, agent_name, parent_agent_id, method, scheme, host, port, path, decision, \
    reason, not_injected_because, rule_id, rule_name, secret_ids, limits, gateway, status, request_bytes, response_bytes, \
    duration_ms, count, error FROM turn, jsonb_to_recordset($1) AS event (id UUID, at TIMESTAMPTZ, kind TEXT, actor TEXT, \
    source TEXT, agent_id UUID, agent_name TEXT, parent_agent_id UUID, method TEXT, scheme TEXT, host TEXT, port INTEGER, \
    path TEXT, decision TEXT, reason TEXT, not_injected_because TEXT, rule_id UUID, rule_name TEXT, secret_ids UUID[], \
    limits JSONB, gateway TEXT, status INTEGER, request_bytes BIGINT, response_bytes BIGINT, duration_ms BIGINT, \
    count BIGINT, error TEXT) \
    ON CONFLICT (id) DO UPDATE SET count = greatest(audit_events.count, excluded.count)";

#[async_trait]
impl AuditStore for PostgresStore {
    async fn insert_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let events = serde_json::to_value(once(events)).map_err(StoreError::unavailable)?;
        let client = self.client().await?;
        let events = without_nul(events);
        let inserting = async {
            let insert = client.prepare_cached(INSERT).await?;
            client.execute(&insert, &[&events, &LOCK]).await?;
            Ok(())
        };
        let inserted = tokio::time::timeout(INSERTING, inserting).await;
        in_time(inserted, client)
    }

    async fn query_events(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let limit = query.limit.clamp(1, 1000);
        let client = self.client().await?;
        let floor = if query.is_walk() { floor(&client, query).await? } else { None };
        let question = Question::of(query, floor);
        let rows = client.query(&question.sql(limit + 1), &question.values()).await?;
        let mut page = AuditPage::default();
        let mut last = None;
        for row in &rows {
            if page.events.len() == limit as usize {
                page.next = last;
                return Ok(page);
            }
            last = u64::try_from(row.try_get::<_, i64>("seq")?).ok();
            page.events.push(read(row)?);
        }
        page.next = floor;
        Ok(page)
    }

    async fn get_event(&self, id: EventId) -> Result<Option<AuditEvent>, StoreError> {
        let row =
            self.client().await?.query_opt("SELECT * FROM audit_events WHERE id = $1", &[&id.0]).await?;
        row.map(|row| read(&row)).transpose()
    }

    async fn delete_events_before(&self, limit: OffsetDateTime) -> Result<u64, StoreError> {
        let sql = "DELETE FROM audit_events WHERE seq IN (SELECT seq FROM audit_events WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
        let mut deleted = 0;
        loop {
            let batch = self.client().await?.execute(sql, &[&limit, &DELETE_BATCH]).await?;
            deleted += batch;
            if batch == 0 {
                return Ok(deleted);
            }
        }
    }
}

/// From where on events are looked at, if not from the first one.
async fn floor(client: &Client, query: &AuditQuery) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM audit_events";
    let row = client.query_one(sql, &[]).await?;
    let number = |column| Ok::<_, StoreError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
    let (first, newest) = (number(0)?, number(1)? + 1);
    let floor = query.cursor.map_or(newest, |cursor| cursor.min(newest)).saturating_sub(WALK);
    Ok(Some(floor).filter(|floor| *floor > first))
}

/// Each event once, with its greatest count: a statement can't touch a row twice.
fn once(events: &[AuditEvent]) -> Vec<&AuditEvent> {
    let mut places: HashMap<EventId, usize> = HashMap::new();
    let mut kept: Vec<&AuditEvent> = Vec::with_capacity(events.len());
    for event in events {
        match places.get(&event.id) {
            Some(place) => {
                if let Some(before) = kept.get_mut(*place)
                    && before.count < event.count
                {
                    *before = event;
                }
            }
            None => {
                places.insert(event.id, kept.len());
                kept.push(event);
            }
        }
    }
    kept
}

/// PostgreSQL's texts can't hold U+0000; one of them must not keep all other events out.
fn without_nul(mut value: Value) -> Value {
    match &mut value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(values) => {
            for value in values {
                *value = without_nul(value.take());
            }
        }
        Value::Object(fields) => {
            for value in fields.values_mut() {
                *value = without_nul(value.take());
            }
        }
        _ => {}
    }
    value
}

fn read(row: &Row) -> Result<AuditEvent, StoreError> {
    let columns = Columns::of(row, WHAT)?;
    let text = |column| columns.get::<Option<&str>>(column);
    Ok(AuditEvent {
        id: columns.id(),
        at: columns.time("at")?,
        kind: columns.named("kind", EventKind::from_name)?,
        actor: columns.get("actor")?,
        source: text("source")?.map(Into::into),
        agent_id: columns.opt_id("agent_id")?,
        agent_name: text("agent_name")?.map(Into::into),
        parent_agent_id: columns.opt_id("parent_agent_id")?,
        method: columns.get::<Option<String>>("method")?.map(Into::into),
        scheme: columns.get::<Option<String>>("scheme")?.map(Into::into),
        host: text("host")?.map(Into::into),
        port: columns.small("port")?,
        path: text("path")?.map(Into::into),
        decision: columns.named("decision", Decision::from_name)?,
        reason: columns.get::<Option<String>>("reason")?.map(Into::into),
        not_injected_because: columns.get::<Option<String>>("not_injected_because")?.map(Into::into),
        rule_id: columns.opt_id("rule_id")?,
        rule_name: text("rule_name")?.map(Into::into),
        secret_ids: columns.get::<Vec<Uuid>>("secret_ids")?.into_iter().map(SecretId).collect(),
        limits: columns.get::<tokio_postgres::types::Json<_>>("limits")?.0,
        gateway: columns.get::<&str>("gateway")?.into(),
        status: columns.small("status")?,
        request_bytes: columns.unsigned("request_bytes")?,
        response_bytes: columns.unsigned("response_bytes")?,
        duration_ms: columns.unsigned("duration_ms")?,
        count: columns.unsigned("count")?,
        error: columns.get::<Option<String>>("error")?.map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::without_nul;

    #[test]
    fn nul_is_replaced_wherever_it_stands() {
        let value = json!([{"a": "x\u{0}y", "b": ["\u{0}"], "c": "\\u0000", "d": 1}]);
        let expected = json!([{"a": "x\u{fffd}y", "b": ["\u{fffd}"], "c": "\\u0000", "d": 1}]);
        assert_eq!(without_nul(value), expected);
    }
}
