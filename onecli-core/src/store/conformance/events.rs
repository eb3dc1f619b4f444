//! Audit events: taking, reading, deleting.

use super::rows::{at, bare_event, event};
use crate::{
    model::{AuditEvent, Decision, EventId},
    store::{AuditQuery, Store},
};

async fn all(store: &dyn Store) -> Vec<AuditEvent> {
    store.query_events(&AuditQuery { limit: 1000, ..AuditQuery::default() }).await.unwrap().events
}

pub async fn are_kept_as_given(store: &dyn Store) {
    let (full, bare) = (event(5), bare_event(1));
    store.insert_events(&[full.clone(), bare.clone()]).await.unwrap();
    assert_eq!(store.get_event(full.id).await.unwrap().as_ref(), Some(&full));
    assert_eq!(store.get_event(bare.id).await.unwrap().as_ref(), Some(&bare));
    assert_eq!(store.get_event(EventId::generate()).await.unwrap(), None);
    // The last to arrive comes first, although the other was received later.
    assert_eq!(all(store).await, [bare, full]);
    store.insert_events(&[]).await.unwrap();
}

pub async fn are_taken_once(store: &dyn Store) {
    let first = event(0);
    store.insert_events(&[first.clone(), first.clone()]).await.unwrap();
    let mut again = event(99);
    again.id = first.id;
    for (count, expected) in [(7, 7), (3, 7), (9, 9)] {
        again.count = count;
        store.insert_events(std::slice::from_ref(&again)).await.unwrap();
        assert_eq!(all(store).await, [AuditEvent { count: expected, ..first.clone() }]);
    }
}

pub async fn interrupted_ones_stay_as_they_are(store: &dyn Store) {
    let interrupted = AuditEvent { decision: Decision::Interrupted, ..event(0) };
    store.insert_events(std::slice::from_ref(&interrupted)).await.unwrap();
    store.insert_events(&[AuditEvent { decision: Decision::Allowed, ..interrupted.clone() }]).await.unwrap();
    assert_eq!(all(store).await, [interrupted]);
}

/// Concurrent batches that share events: each event is there once.
pub async fn batches_are_taken_whole(store: &dyn Store) {
    let events: Vec<_> = (0..300).map(event).collect();
    let (one, two, three) = tokio::join!(
        store.insert_events(&events[..200]),
        store.insert_events(&events[100..]),
        store.insert_events(&events),
    );
    one.and(two).and(three).unwrap();
    let mut found: Vec<_> = all(store).await.into_iter().map(|event| event.id).collect();
    let mut expected: Vec<_> = events.iter().map(|event| event.id).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

pub async fn old_ones_are_deleted(store: &dyn Store) {
    let events: Vec<_> = (0..4).map(event).collect();
    store.insert_events(&events).await.unwrap();
    assert_eq!(store.delete_events_before(at(2)).await.unwrap(), 2);
    assert_eq!(all(store).await, [events[3].clone(), events[2].clone()]);
    assert_eq!(store.delete_events_before(at(2)).await.unwrap(), 0);
    // Cursors stay valid: what comes later stands after what was ever there.
    store.delete_events_before(at(100)).await.unwrap();
    store.insert_events(&events[..2]).await.unwrap();
    assert_eq!(all(store).await, [events[1].clone(), events[0].clone()]);
}

pub async fn many_old_ones_are_deleted(store: &dyn Store) {
    let events: Vec<_> = (0..4001).map(bare_event).collect();
    store.insert_events(&events).await.unwrap();
    assert_eq!(store.delete_events_before(at(4000)).await.unwrap(), 4000);
    assert_eq!(all(store).await, [events[4000].clone()]);
}
