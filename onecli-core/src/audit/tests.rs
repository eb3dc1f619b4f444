use std::{fs, path::Path, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Ending, Fsync, Journal, Recorder, Ticket,
    coalesce::Coalescer,
    frame::{self, Record},
};
use crate::{
    model::{AgentId, AuditEvent, Decision, EventId},
    store::{AuditQuery, AuditStore, SqliteStore},
};

fn recorder(directory: &Path) -> Arc<Recorder> {
    Recorder::new(Journal::open(directory, Fsync::Group).unwrap(), "test".into())
}

fn ended(decision: Decision) -> Ending {
    Ending { decision, status: Some(http::StatusCode::OK), reason: None, error: None }
}

pub(super) fn event(recorder: &Arc<Recorder>) -> AuditEvent {
    let ticket = Ticket::open(recorder, Some("127.0.0.1".into()));
    let event = ticket.event().unwrap().clone();
    ticket.withdraw();
    event
}

/// Brings everything of a journal into a store, and gives it back.
pub(super) async fn drained(recorder: &Arc<Recorder>, store: &SqliteStore) -> Vec<AuditEvent> {
    let stop = CancellationToken::new();
    let draining = {
        let (recorder, stop) = (Arc::clone(recorder), stop.clone());
        async move { recorder.drain(store, stop).await }
    };
    let flushing = async {
        recorder.flush(Duration::from_secs(10)).await.unwrap();
        stop.cancel();
    };
    tokio::join!(draining, flushing);
    store.query_events(&AuditQuery { limit: 1000, ..AuditQuery::default() }).await.unwrap().events
}

#[tokio::test]
async fn what_finished_is_in_the_store_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let recorder = recorder(directory.path());
    for _ in 0..10 {
        let mut ticket = Ticket::open(&recorder, None);
        ticket.intent().unwrap();
        ticket.finish(ended(Decision::Allowed)).unwrap();
    }
    assert_eq!(drained(&recorder, &store).await.len(), 10);
    // A second drain from the start of the journal, as after a crash, adds none.
    assert_eq!(drained(&recorder, &store).await.len(), 10);
}

#[tokio::test]
async fn an_intent_without_a_finish_becomes_interrupted_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let crashed = recorder(directory.path());
    let mut open = Ticket::open(&crashed, None);
    open.intent().unwrap();
    Ticket::open(&crashed, None).finish(ended(Decision::Blocked)).unwrap();
    std::mem::forget(open);
    for _ in 0..2 {
        let events = drained(&recorder(directory.path()), &store).await;
        let mut decisions: Vec<_> = events.iter().map(|event| event.decision).collect();
        decisions.sort_by_key(|decision| decision.as_str());
        assert_eq!(decisions, [Decision::Blocked, Decision::Interrupted]);
    }
}

#[tokio::test]
async fn a_cut_or_damaged_record_takes_no_other_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let writer = recorder(directory.path());
    for _ in 0..3 {
        Ticket::open(&writer, None).finish(ended(Decision::Allowed)).unwrap();
    }
    let file = directory.path().join("0000000001.journal");
    let whole = fs::read(&file).unwrap();
    let (_, first) = frame::decode(&whole).unwrap();
    for cut in [first, first + 1, first + 7, first + 8, first + 20] {
        for flip in [false, true] {
            let copy = tempfile::tempdir().unwrap();
            let mut bytes = whole.clone();
            match flip {
                true => bytes[cut.min(whole.len() - 1)] ^= 0x40,
                false => bytes.truncate(cut),
            }
            fs::write(copy.path().join("0000000001.journal"), bytes).unwrap();
            let store = SqliteStore::in_memory().await.unwrap();
            let events = drained(&recorder(copy.path()), &store).await;
            // Of three the second is damaged, or the second is cut and the third is gone.
            let left = if flip { 2 } else { 1 };
            assert_eq!(events.len(), left, "cut at {cut}, flipped: {flip}");
        }
    }
}

#[tokio::test]
async fn open_intents_outlive_the_segments_that_they_began_in() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let writer = recorder(directory.path());
    let mut open = Ticket::open(&writer, None);
    open.intent().unwrap();
    let id = open.event().unwrap().id;
    for _ in 0..20 {
        let mut long = event(&writer);
        long.decision = Decision::Allowed;
        long.reason = Some("x".repeat(900_000).into());
        writer.finish(long, false).unwrap();
    }
    assert_eq!(drained(&writer, &store).await.len(), 20);
    let segments = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(segments, 1, "drained segments are gone");
    std::mem::forget(open);
    let events = drained(&recorder(directory.path()), &store).await;
    let interrupted: Vec<EventId> =
        events.iter().filter(|event| event.decision == Decision::Interrupted).map(|event| event.id).collect();
    assert_eq!(interrupted, [id]);
}

#[tokio::test]
async fn a_dropped_ticket_says_how_far_it_came() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let recorder = recorder(directory.path());
    drop(Ticket::open(&recorder, None));
    let mut answered = Ticket::open(&recorder, None);
    answered.note_response(http::StatusCode::OK);
    drop(answered);
    recorder.begin_stop();
    drop(Ticket::open(&recorder, None));
    let mut ends: Vec<_> = drained(&recorder, &store)
        .await
        .into_iter()
        .map(|e| (e.decision.as_str(), e.error.unwrap()))
        .collect();
    ends.sort();
    let expected =
        [("allowed", "client_gone"), ("failed", "client_gone"), ("interrupted", "gateway_stopped")];
    assert_eq!(ends, expected.map(|(decision, error)| (decision, error.into())));
}

#[test]
fn floods_merge_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    let mut coalescer = Coalescer::default();
    let template = event(&recorder);
    let fresh = |edit: fn(&mut AuditEvent)| {
        let mut event = template.clone();
        event.id = EventId::generate();
        edit(&mut event);
        event
    };
    let unknown = fresh(|event| event.decision = Decision::Refused);
    let first = coalescer.take(unknown.clone()).unwrap();
    for _ in 0..999 {
        assert!(coalescer.take(fresh(|event| event.decision = Decision::Refused)).is_none());
    }
    let grown = coalescer.grown();
    assert_eq!(
        grown.iter().map(|(_, event)| (event.id, event.count)).collect::<Vec<_>>(),
        [(first.id, 1000)]
    );
    assert!(coalescer.grown().is_empty());

    let agent = AgentId::generate();
    let denied = |agent| {
        let mut event = fresh(|event| event.decision = Decision::Blocked);
        event.agent_id = Some(agent);
        event
    };
    let written = (0..500).filter_map(|_| coalescer.take(denied(agent))).count();
    assert_eq!(written, 101, "a hundred of their own, and one for the rest");
    assert_eq!(coalescer.grown()[0].1.count, 400);
    assert!(coalescer.take(denied(AgentId::generate())).is_some(), "another agent is not drowned");

    let allowed =
        (0..500).filter_map(|_| coalescer.take(fresh(|event| event.decision = Decision::Allowed))).count();
    assert_eq!(allowed, 500);
}

#[test]
fn frames_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let event = event(&recorder(directory.path()));
    let bytes = frame::encode(Record::Intent(&event)).unwrap();
    assert_eq!(frame::decode(&bytes).unwrap(), (Record::Intent(event), bytes.len()));
}

#[tokio::test]
async fn many_open_exchanges_do_not_fill_each_new_segment() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::with_segments_of(2048, directory.path(), Fsync::Group).unwrap();
    let recorder = Recorder::new(journal, "test".into());
    let mut open: Vec<Ticket> = (0..50).map(|_| Ticket::open(&recorder, None)).collect();
    open.iter_mut().for_each(|ticket| ticket.intent().unwrap());
    let segments = || super::segment::list(directory.path()).unwrap().len();
    let before = segments();
    for _ in 0..50 {
        Ticket::open(&recorder, None).finish(ended(Decision::Allowed)).unwrap();
    }
    assert!(segments() - before < 25, "{} segments for 50 records", segments() - before);
    open.into_iter().for_each(std::mem::forget);
}

#[tokio::test]
async fn what_has_an_intent_is_never_merged() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let recorder = recorder(directory.path());
    for _ in 0..300 {
        let mut ticket = Ticket::open(&recorder, Some("127.0.0.1".into()));
        ticket.intent().unwrap();
        // Without an agent it would be merged with all others of its source.
        ticket.finish(ended(Decision::Refused)).unwrap();
    }
    assert_eq!(drained(&recorder, &store).await.len(), 300);
    let again = super::tests::recorder(directory.path());
    assert_eq!(drained(&again, &store).await.len(), 300, "none of them is open");
}

#[tokio::test]
async fn a_long_path_is_shortened() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    let mut ticket = Ticket::open(&recorder, None);
    let host = crate::model::Host::parse("a.test").unwrap();
    let path = format!("/{}", "x".repeat(30_000)).into();
    ticket.note_target(&crate::target::Target {
        scheme: http::uri::Scheme::HTTPS,
        host,
        port: 443,
        path,
        query: None,
    });
    let noted = ticket.event().unwrap().path.clone().unwrap();
    assert!(noted.chars().count() == 2049 && noted.ends_with('…'));
    ticket.withdraw();
}
