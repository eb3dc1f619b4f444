//! What the stores do and cost: `cargo bench -p onecli-tests --bench stores [-- PART]`, where PART is `changes`, `limits` or `audit`.
//! PostgreSQL runs on this machine, with its writes to disk turned off as in the tests: what is measured is work, not the disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark ends at the first thing that is not as it should be"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use onecli_core::{
    model::{
        Action, AgentId, AuditEvent, Decision, EventId, EventKind, Injection, PathPattern, RateLimit, Rule,
        RuleId, SecretId,
    },
    policy::Policy,
    store::{
        AuditQuery, AuditStore, LimitClaim, LimitStore, PostgresStore, PostgresUrl, RuleStore, SqliteStore,
        Store,
    },
};
use onecli_tests::postgres::{Postgres, client};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

const SECRETS: i64 = 100_000;
const CHANGES: usize = 1_000;
const GATEWAYS: usize = 3;
const EVENTS: i64 = 5_000_000;

fn main() {
    // `cargo bench` passes `--bench`.
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Postgres::start();
        if "changes".contains(&part) {
            changes(&server).await;
        }
        if "limits".contains(&part) {
            limits(&server).await;
        }
        if "audit".contains(&part) {
            audit(&server).await;
        }
    });
}

async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(&PostgresUrl::parse(url).unwrap()).await.unwrap())
}

/// From the moment at which a change is asked for until the policies of all gateways have it.
async fn changes(server: &Postgres) {
    let url = server.database().await;
    let store = open(&url).await;
    let insert = "INSERT INTO secrets SELECT gen_random_uuid(), 'secret ' || n, 'generic', 'h' || n || '.example.com', '*', \
                  'INJECTION', FALSE, NULL, now(), now(), NULL, NULL, decode(repeat('00', 80), 'hex') \
                  FROM generate_series(1, $1::BIGINT) AS n";
    let direct = client(&url).await;
    let injection = Injection::header("authorization", "{value}").unwrap();
    let insert = insert.replace("INJECTION", &serde_json::to_string(&injection).unwrap());
    direct.execute(&insert, &[&SECRETS]).await.unwrap();
    // All of it is read at start: what is noted of so many changes is not needed.
    direct.batch_execute("DELETE FROM policy_changes").await.unwrap();
    direct.batch_execute("VACUUM ANALYZE").await.unwrap();
    let stop = CancellationToken::new();
    let mut policies = Vec::new();
    for _ in 0..GATEWAYS {
        let gateway = open(&url).await;
        let policy = Policy::empty();
        let begun = Instant::now();
        policy.refresh(&*gateway).await.unwrap();
        if policies.is_empty() {
            println!("{SECRETS} secrets: all of the policy is read in {:.0} ms", millis(begun.elapsed()));
        }
        let (followed, stopped) = (Arc::clone(&policy), stop.clone());
        tokio::spawn(async move {
            followed.follow(gateway as Arc<dyn Store>, Duration::from_secs(300), stopped).await;
        });
        policies.push(policy);
    }
    // Their first reading, once more, is behind them.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut took = Vec::new();
    let mut rule = rule();
    store.create_rule(&rule).await.unwrap();
    for number in 0..CHANGES {
        rule.enabled = number % 2 == 0;
        let begun = Instant::now();
        let version = store.update_rule(&rule).await.unwrap();
        for policy in &policies {
            policy.wait_for(version).await.unwrap();
        }
        took.push(begun.elapsed());
    }
    stop.cancel();
    took.sort();
    println!(
        "{CHANGES} changes in force on {GATEWAYS} gateways with {SECRETS} secrets: median {:.1} ms, 99th of 100 {:.1} ms, worst {:.1} ms",
        millis(took[took.len() / 2]),
        millis(took[took.len() * 99 / 100]),
        millis(took[took.len() - 1])
    );
}

fn rule() -> Rule {
    let now = onecli_core::clock::now();
    Rule {
        id: RuleId::generate(),
        name: "now and then".into(),
        host_pattern: "api.example.com".parse().unwrap(),
        path_pattern: PathPattern::any(),
        methods: Vec::new(),
        conditions: Vec::new(),
        action: Action::Block,
        enabled: true,
        agent_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// One round trip for each request that is limited.
async fn limits(server: &Postgres) {
    let url = server.database().await;
    let directory = tempfile::tempdir().unwrap();
    let postgres = open(&url).await;
    let sqlite = Arc::new(SqliteStore::open(&directory.path().join("onecli.db")).await.unwrap());
    println!(
        "\n| taking from a limit of 1,000,000 an hour | one after the other, median | 32 at once, per second |\n|---|---|---|"
    );
    takings("SQLite", &sqlite, 1).await;
    takings("SQLite, two limits", &sqlite, 2).await;
    takings("PostgreSQL", &postgres, 1).await;
    takings("PostgreSQL, two limits", &postgres, 2).await;
}

async fn takings<S: LimitStore>(name: &str, store: &Arc<S>, number: usize) {
    let limit = RateLimit::new(1_000_000, "hour".parse().unwrap()).unwrap();
    let claims: Vec<LimitClaim> = (0..number)
        .map(|_| LimitClaim { rule: RuleId::generate(), agent: AgentId::generate(), limit })
        .collect();
    let mut took = Vec::new();
    for _ in 0..2_000 {
        let begun = Instant::now();
        store.take_limits(&claims).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (store, claims) = (Arc::clone(store), claims.clone());
            tokio::spawn(async move {
                for _ in 0..200 {
                    store.take_limits(&claims).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let per_second = 32.0 * 200.0 / begun.elapsed().as_secs_f64();
    println!("| {name} | {:.3} ms | {per_second:.0} |", millis(took[took.len() / 2]));
}

/// Events that come in batches, and the questions of the audit page when there are many.
async fn audit(server: &Postgres) {
    let url = server.database().await;
    let directory = tempfile::tempdir().unwrap();
    let postgres = open(&url).await;
    let sqlite = Arc::new(SqliteStore::open(&directory.path().join("onecli.db")).await.unwrap());
    println!("\n| batches of 150 events | events per second |\n|---|---|");
    inserted("SQLite", &sqlite).await;
    inserted("PostgreSQL", &postgres).await;
    let agents: Vec<AgentId> = (0..20).map(|_| AgentId::generate()).collect();
    let begun = Instant::now();
    for batch in 0..EVENTS / 5_000 {
        let events: Vec<AuditEvent> =
            (0..5_000).map(|number| event(&agents, batch * 5_000 + number)).collect();
        let (one, two) = tokio::join!(sqlite.insert_events(&events), postgres.insert_events(&events));
        one.and(two).unwrap();
    }
    client(&url).await.batch_execute("VACUUM ANALYZE audit_events").await.unwrap();
    println!("\n{EVENTS} events were written to both in {:.0} s\n", begun.elapsed().as_secs_f64());
    println!("| question, 50 events | SQLite | PostgreSQL |\n|---|---|---|");
    let at = |number: i64| START + time::Duration::milliseconds(number * 500);
    let all = AuditQuery { limit: 50, ..AuditQuery::default() };
    for (name, query) in [
        ("the newest", all.clone()),
        ("of an agent", AuditQuery { agent: Some(agents[3]), ..all.clone() }),
        ("of an agent that did nothing", AuditQuery { agent: Some(AgentId::generate()), ..all.clone() }),
        ("to a host", AuditQuery { host: Some("h77.example.com".into()), ..all.clone() }),
        ("allowed", AuditQuery { decision: Some(Decision::Allowed), ..all.clone() }),
        ("blocked", AuditQuery { decision: Some(Decision::Blocked), ..all.clone() }),
        ("failed, the rarest", AuditQuery { decision: Some(Decision::Failed), ..all.clone() }),
        (
            "of an hour, a month ago",
            AuditQuery { since: Some(at(EVENTS / 2)), until: Some(at(EVENTS / 2 + 7_200)), ..all.clone() },
        ),
        (
            "of an agent, of that hour",
            AuditQuery {
                agent: Some(agents[3]),
                since: Some(at(EVENTS / 2)),
                until: Some(at(EVENTS / 2 + 7_200)),
                ..all.clone()
            },
        ),
        ("in the middle of all pages", AuditQuery { cursor: Some(EVENTS as u64 / 2), ..all.clone() }),
        ("with status 500", AuditQuery { status: Some(500), ..all.clone() }),
        ("with a secret put in", AuditQuery { injected: Some(true), ..all.clone() }),
        ("with a common text", AuditQuery { text: Some("things".into()), ..all.clone() }),
        ("with a text that is nowhere", AuditQuery { text: Some("nowhere".into()), ..all.clone() }),
    ] {
        println!(
            "| {name} | {:.1} ms | {:.1} ms |",
            asked(&*sqlite, &query).await,
            asked(&*postgres, &query).await
        );
    }
}

const START: OffsetDateTime = time::macros::datetime!(2026-01-01 00:00 UTC);

fn event(agents: &[AgentId], number: i64) -> AuditEvent {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()).unsigned_abs();
    let decision = match spread % 10_000 {
        0 => Decision::Failed,
        1..300 => Decision::Blocked,
        _ => Decision::Allowed,
    };
    AuditEvent {
        id: EventId::generate(),
        at: START + time::Duration::milliseconds(number * 500),
        kind: EventKind::Request,
        actor: None,
        source: Some("127.0.0.1".into()),
        agent_id: Some(agents[(spread >> 20) as usize % agents.len()]),
        agent_name: Some("Release bot".into()),
        parent_agent_id: None,
        method: Some("GET".into()),
        scheme: Some("https".into()),
        host: Some(format!("h{}.example.com", (spread >> 30) % 1_000).into()),
        port: Some(443),
        path: Some(format!("/v1/things/{number}").into()),
        decision,
        reason: None,
        not_injected_because: None,
        rule_id: None,
        rule_name: None,
        secret_ids: if spread.is_multiple_of(2) {
            vec![SecretId(uuid::Uuid::from_u128(7))]
        } else {
            Vec::new()
        },
        limits: Vec::new(),
        gateway: "gateway-1".into(),
        status: Some(if decision == Decision::Failed { 500 } else { 200 }),
        request_bytes: 0,
        response_bytes: 1_000,
        duration_ms: 5,
        count: 1,
        error: None,
    }
}

async fn inserted<S: AuditStore>(name: &str, store: &Arc<S>) {
    let agents = [AgentId::generate()];
    let batches: Vec<Vec<AuditEvent>> = (0..200)
        .map(|batch| (0..150).map(|number| event(&agents, -1 - batch * 150 - number)).collect())
        .collect();
    let begun = Instant::now();
    for batch in &batches {
        store.insert_events(batch).await.unwrap();
    }
    println!("| {name} | {:.0} |", 200.0 * 150.0 / begun.elapsed().as_secs_f64());
}

/// The median of some times, in milliseconds.
async fn asked(store: &impl AuditStore, query: &AuditQuery) -> f64 {
    let mut took = Vec::new();
    for _ in 0..7 {
        let begun = Instant::now();
        store.query_events(query).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort();
    millis(took[took.len() / 2])
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
