//! The audit log as a file, written as it is read: however long it is, a page of it is in memory.

use std::{io, sync::Arc};

use futures_util::stream;
use onecli_core::store::{AuditQuery, Store};
use onecli_sdk::types::AuditFormat;
use poem::Body;
use serde_json::Value;

use super::audit::wire;

/// What is still to be written.
pub(super) struct Export {
    store: Arc<dyn Store>,
    query: AuditQuery,
    format: AuditFormat,
    place: Place,
}

enum Place {
    Begin,
    Middle,
    End,
}

/// The columns of CSV: the fields of an event.
const COLUMNS: [&str; 28] = [
    "id",
    "at",
    "kind",
    "actor",
    "source",
    "agentId",
    "agentName",
    "parentAgentId",
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "decision",
    "reason",
    "notInjectedBecause",
    "ruleId",
    "ruleName",
    "secretIds",
    "limits",
    "approvalId",
    "gateway",
    "status",
    "requestBytes",
    "responseBytes",
    "durationMs",
    "count",
    "error",
];

impl Export {
    pub(super) fn new(store: Arc<dyn Store>, query: AuditQuery, format: AuditFormat) -> Self {
        Self { store, query, format, place: Place::Begin }
    }

    pub(super) fn body(self) -> Body {
        Body::from_bytes_stream(stream::try_unfold(self, |mut export| async move {
            let piece = export.next().await.map_err(|error| {
                // The client sees that it is cut off; why stands here.
                tracing::error!(%error, "an export of the audit log broke off");
                error
            })?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, export)))
        }))
    }

    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if matches!(self.place, Place::End) {
            return Ok(None);
        }
        let page = self.store.query_events(&self.query).await.map_err(io::Error::other)?;
        let has_begun = matches!(self.place, Place::Middle);
        self.query.cursor = page.next;
        self.place = if page.next.is_some() { Place::Middle } else { Place::End };
        let events = page.events.into_iter().map(wire);
        match self.format {
            AuditFormat::Ndjson => {
                let mut lines = Vec::new();
                for event in events {
                    serde_json::to_writer(&mut lines, &event)?;
                    lines.push(b'\n');
                }
                Ok(Some(lines))
            }
            AuditFormat::Csv => {
                let mut table = csv::Writer::from_writer(Vec::new());
                if !has_begun {
                    table.write_record(COLUMNS)?;
                }
                for event in events {
                    let fields = serde_json::to_value(&event)?;
                    table.write_record(COLUMNS.map(|column| cell(fields.get(column))))?;
                }
                table.into_inner().map(Some).map_err(|error| error.into_error())
            }
        }
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(Value::Array(values)) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula is marked as a text.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{COLUMNS, cell};

    #[test]
    fn every_field_is_a_column() {
        let event = <onecli_sdk::types::AuditEvent as poem_openapi::types::Example>::example();
        let fields = serde_json::to_value(event).unwrap();
        let unknown: Vec<_> =
            fields.as_object().unwrap().keys().filter(|field| !COLUMNS.contains(&field.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        for (value, text) in [
            (json!("=1+1"), "'=1+1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("-2"), "'-2"),
            (json!(-2), "-2"),
            (json!("plain"), "plain"),
            (json!(null), ""),
            (json!(["a", "b"]), "a b"),
        ] {
            assert_eq!(cell(Some(&value)), text);
        }
    }
}
