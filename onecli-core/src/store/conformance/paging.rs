//! Audit events: filters and pages.

use super::rows::{at, bare_event, event};
use crate::{
    model::{AgentId, AuditEvent, Decision},
    store::{AuditQuery, Store},
};

fn query() -> AuditQuery {
    AuditQuery { limit: 1000, ..AuditQuery::default() }
}

async fn found(store: &dyn Store, query: AuditQuery) -> Vec<AuditEvent> {
    let page = store.query_events(&query).await.unwrap();
    assert_eq!(page.next, None);
    page.events
}

pub async fn each_filter_selects(store: &dyn Store) {
    let wanted = AuditEvent {
        decision: Decision::Blocked,
        host: Some("wanted.test".into()),
        method: Some("POST".into()),
        status: Some(403),
        ..event(10)
    };
    let others = [event(0), bare_event(1), event(20)];
    store.insert_events(&others).await.unwrap();
    store.insert_events(std::slice::from_ref(&wanted)).await.unwrap();
    let queries = [
        AuditQuery { agent: wanted.agent_id, ..query() },
        AuditQuery { host: wanted.host.as_deref().map(str::to_owned), ..query() },
        AuditQuery { decision: Some(Decision::Blocked), ..query() },
        AuditQuery { method: wanted.method.as_deref().map(str::to_owned), ..query() },
        AuditQuery { status: Some(403), ..query() },
        AuditQuery { secret: Some(wanted.secret_ids[0]), ..query() },
        AuditQuery { secret: Some(wanted.secret_ids[1]), ..query() },
        AuditQuery { rule: wanted.rule_id, ..query() },
        AuditQuery { since: Some(at(10)), until: Some(at(20)), ..query() },
        AuditQuery { text: Some("WANTED.t".to_owned()), ..query() },
    ];
    for query in queries {
        assert_eq!(found(store, query.clone()).await, std::slice::from_ref(&wanted), "{query:?}");
    }
    assert_eq!(found(store, query()).await.len(), 4);
    assert_eq!(found(store, AuditQuery { injected: Some(false), ..query() }).await, [others[1].clone()]);
    assert_eq!(found(store, AuditQuery { injected: Some(true), ..query() }).await.len(), 3);
    assert_eq!(found(store, AuditQuery { since: Some(at(1)), ..query() }).await.len(), 3);
    assert_eq!(found(store, AuditQuery { until: Some(at(1)), ..query() }).await, [others[0].clone()]);
}

pub async fn filters_must_all_hold(store: &dyn Store) {
    let (first, second) = (event(0), event(1));
    store.insert_events(&[first.clone(), second.clone()]).await.unwrap();
    let both = AuditQuery { agent: first.agent_id, rule: second.rule_id, ..query() };
    assert!(found(store, both).await.is_empty());
    let one = AuditQuery {
        agent: second.agent_id,
        host: second.host.as_deref().map(str::to_owned),
        decision: Some(second.decision),
        method: second.method.as_deref().map(str::to_owned),
        status: second.status,
        secret: second.secret_ids.first().copied(),
        rule: second.rule_id,
        injected: Some(true),
        since: Some(at(0)),
        until: Some(at(2)),
        text: Some("things".to_owned()),
        ..query()
    };
    assert_eq!(found(store, one).await, [second]);
}

pub async fn agents_come_with_their_children(store: &dyn Store) {
    let (parent, child) = (AgentId::generate(), AgentId::generate());
    let own = AuditEvent { agent_id: Some(parent), parent_agent_id: None, ..event(0) };
    let inherited = AuditEvent { agent_id: Some(child), parent_agent_id: Some(parent), ..event(1) };
    store.insert_events(&[own.clone(), event(2), inherited.clone()]).await.unwrap();
    assert_eq!(found(store, AuditQuery { agent: Some(parent), ..query() }).await, [inherited.clone(), own]);
    assert_eq!(found(store, AuditQuery { agent: Some(child), ..query() }).await, [inherited]);
}

pub async fn text_is_taken_literally(store: &dyn Store) {
    let texts = ["100%", "100 per cent", "snake_case", "snakeXcase", "back\\slash", "backslash", "it's"];
    for (number, text) in (0..).zip(texts) {
        store
            .insert_events(&[AuditEvent { path: Some(format!("/{text}/").into()), ..bare_event(number) }])
            .await
            .unwrap();
    }
    for (text, expected) in [
        ("100%", 1),
        ("%", 1),
        ("_", 1),
        ("SNAKE_case", 1),
        ("snake", 2),
        ("K\\S", 1),
        ("\\", 1),
        ("IT'S", 1),
        ("nowhere", 0),
        ("", 7),
    ] {
        let events = found(store, AuditQuery { text: Some(text.to_owned()), ..query() }).await;
        assert_eq!(events.len(), expected, "{text}");
    }
    type Fill = fn(&mut AuditEvent, String);
    let searched: [Fill; 6] = [
        |event, text| event.host = Some(text.into()),
        |event, text| event.path = Some(text.into()),
        |event, text| event.agent_name = Some(text.into()),
        |event, text| event.rule_name = Some(text.into()),
        |event, text| event.reason = Some(text.into()),
        |event, text| event.error = Some(text.into()),
    ];
    for (number, fill) in (0..).zip(searched) {
        let mut row = bare_event(100 + number);
        fill(&mut row, format!("a Needle {number} b"));
        store.insert_events(std::slice::from_ref(&row)).await.unwrap();
        let text = Some(format!("nEEDLE {number}"));
        assert_eq!(found(store, AuditQuery { text, ..query() }).await, [row]);
    }
}

pub async fn input_is_never_sql(store: &dyn Store) {
    store.insert_events(&[event(0)]).await.unwrap();
    let hostile = Some("' OR 1=1; DROP TABLE audit_events; --".to_owned());
    for query in [
        AuditQuery { host: hostile.clone(), ..query() },
        AuditQuery { method: hostile.clone(), ..query() },
        AuditQuery { text: hostile.clone(), ..query() },
    ] {
        assert!(found(store, query).await.is_empty());
    }
    assert_eq!(found(store, query()).await.len(), 1);
}

pub async fn pages_cover_everything_once(store: &dyn Store) {
    let events: Vec<_> = (0..525)
        .map(|number| AuditEvent {
            host: Some(if number % 3 == 0 { "third.test" } else { "other.test" }.into()),
            ..bare_event(number)
        })
        .collect();
    for batch in events.chunks(100) {
        store.insert_events(batch).await.unwrap();
    }
    for (host, step) in [(None, 1), (Some("third.test"), 3)] {
        let mut ids = Vec::new();
        let mut cursor = None;
        loop {
            let query =
                AuditQuery { host: host.map(str::to_owned), limit: 25, cursor, ..AuditQuery::default() };
            let page = store.query_events(&query).await.unwrap();
            ids.extend(page.events.iter().map(|event| event.id));
            // What arrives meanwhile belongs before the first page.
            store.insert_events(&[bare_event(10_000)]).await.unwrap();
            // 525 and 175 are whole numbers of pages: the last one is full, and says that it is the last.
            match page.next {
                Some(next) => {
                    assert_eq!(page.events.len(), 25);
                    cursor = Some(next);
                }
                None => break,
            }
        }
        let expected: Vec<_> = events.iter().step_by(step).rev().map(|event| event.id).collect();
        assert_eq!(ids, expected);
    }
}

pub async fn limits_are_bounded(store: &dyn Store) {
    let events: Vec<_> = (0..1001).map(bare_event).collect();
    store.insert_events(&events).await.unwrap();
    for (limit, expected) in [(0, 1), (1, 1), (1000, 1000), (u32::MAX, 1000)] {
        let page = store.query_events(&AuditQuery { limit, ..AuditQuery::default() }).await.unwrap();
        assert_eq!(page.events.len(), expected);
        assert!(page.next.is_some());
    }
}

/// What no index finds is looked for in pages that take a bounded time each.
pub async fn a_long_walk_is_made_in_pages(store: &dyn Store) {
    let wanted = AuditEvent { path: Some("/needle".into()), method: Some("PATCH".into()), ..bare_event(0) };
    store.insert_events(std::slice::from_ref(&wanted)).await.unwrap();
    let many = i64::try_from(crate::store::WALK).unwrap() + 100;
    for first in (1..=many).step_by(5_000) {
        let batch: Vec<_> = (first..first + 5_000).map(bare_event).collect();
        store.insert_events(&batch).await.unwrap();
    }
    for asked in [
        AuditQuery { text: Some("needle".to_owned()), ..query() },
        AuditQuery { method: Some("PATCH".to_owned()), ..query() },
    ] {
        let first = store.query_events(&asked).await.unwrap();
        assert!(first.events.is_empty() && first.next.is_some());
        let second = store.query_events(&AuditQuery { cursor: first.next, ..asked }).await.unwrap();
        assert_eq!((second.events, second.next), (vec![wanted.clone()], None));
    }
}
