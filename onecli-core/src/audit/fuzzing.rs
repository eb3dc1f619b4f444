//! What fuzzers call here: reading a journal whatever its bytes are.

use std::path::PathBuf;

use super::{
    frame::{self, Record},
    segment::SegmentReader,
};
use crate::model::AuditEvent;

/// Reads a segment of these bytes, with a whole record behind them. The reader comes to the end, and finds that record unless
/// the bytes before it claim it as a part of theirs.
#[allow(clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn journal(data: &[u8], file: PathBuf) {
    let Ok(event) = serde_json::from_str::<AuditEvent>(EVENT) else { return };
    let Ok(whole) = frame::encode(Record::Finish(&event)) else { return };
    if std::fs::write(&file, [data, &whole].concat()).is_err() {
        return;
    }
    let mut reader = SegmentReader::new(file);
    let mut records = Vec::new();
    while let Ok(more) = reader.read(true) {
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    assert_eq!(reader.offset(), (data.len() + whole.len()) as u64, "it did not come to the end");
    assert!(!records.is_empty(), "the whole record is lost");
}

const EVENT: &str = r#"{"id":"018f0000-0000-7000-8000-000000000000","at":"2026-01-01T00:00:00Z","kind":"request","actor":null,
"source":null,"agent_id":null,"agent_name":null,"parent_agent_id":null,"method":null,"scheme":null,"host":null,"port":null,
"path":null,"decision":"blocked","reason":null,"not_injected_because":null,"rule_id":null,"rule_name":null,"secret_ids":[],
"gateway":"fuzz","status":null,"request_bytes":0,"response_bytes":0,"duration_ms":0,"count":1,"error":null}"#;
