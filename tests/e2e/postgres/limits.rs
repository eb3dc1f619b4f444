//! Limits that several gateways take from at once: no window ever holds more than it may.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use onecli_core::{
    model::{AgentId, RateLimit, RuleId},
    store::{LimitClaim, LimitStore, PostgresStore, PostgresUrl, Taking},
};
use onecli_tests::postgres::shared;

const GATEWAYS: usize = 3;
const TASKS: usize = 4;

fn claim(requests: u64, window: &str, agent: AgentId) -> LimitClaim {
    let limit = RateLimit::new(requests, window.parse().unwrap()).unwrap();
    LimitClaim { rule: RuleId::generate(), agent, limit }
}

/// A taking happened somewhere between these two.
type Taken = (Instant, Instant);

/// Has everybody take as fast as they can for a while. `claims` says of a step what is taken.
async fn hammer(
    stores: &[Arc<PostgresStore>], claims: impl Fn(usize) -> Vec<LimitClaim>,
) -> Vec<(usize, Taken)> {
    let taken: Arc<Mutex<Vec<(usize, Taken)>>> = Arc::default();
    let end = Instant::now() + Duration::from_secs(4);
    let tasks: Vec<_> = (0..GATEWAYS * TASKS)
        .map(|task| {
            let store = Arc::clone(&stores[task % GATEWAYS]);
            let (taken, kinds) = (Arc::clone(&taken), [claims(0), claims(1)]);
            tokio::spawn(async move {
                let mut step = task;
                while Instant::now() < end {
                    let kind = step % 2;
                    let begun = Instant::now();
                    match store.take_limits(&kinds[kind]).await.unwrap() {
                        Taking::Taken { used } => {
                            assert!(
                                used.iter()
                                    .zip(&kinds[kind])
                                    .all(|(used, claim)| *used <= claim.limit.requests())
                            );
                            taken.lock().unwrap().push((kind, (begun, Instant::now())));
                        }
                        Taking::Full { retry_after, .. } => {
                            assert!(retry_after > Duration::ZERO && retry_after < Duration::from_secs(6));
                        }
                    }
                    step += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let taken = taken.lock().unwrap();
    taken.clone()
}

/// The most takings that surely lie within one window.
fn most_within(taken: &[Taken], window: Duration) -> usize {
    let within = |from: Instant| {
        taken.iter().filter(|(begun, ended)| *begun >= from && *ended <= from + window).count()
    };
    taken.iter().map(|(begun, _)| within(*begun)).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_window_ever_holds_more_than_it_may() {
    let url = PostgresUrl::parse(&shared().database().await).unwrap();
    let mut stores = Vec::new();
    for _ in 0..GATEWAYS {
        stores.push(Arc::new(PostgresStore::open(&url).await.unwrap()));
    }
    for (tight, loose) in [(1, 3), (7, 12), (40, 55)] {
        let agent = AgentId::generate();
        let (tight, loose) = (claim(tight, "1s", agent), claim(loose, "2s", agent));
        // All of both, or none of either; in both orders, which must not wait for each other in a ring.
        let taken =
            hammer(&stores, |kind| if kind == 0 { vec![tight, loose] } else { vec![loose, tight] }).await;
        let all: Vec<Taken> = taken.iter().map(|(_, taken)| *taken).collect();
        let (in_one, in_two) =
            (most_within(&all, Duration::from_secs(1)), most_within(&all, Duration::from_secs(2)));
        let (tight, loose) = (tight.limit.requests() as usize, loose.limit.requests() as usize);
        assert!(in_one <= tight && in_two <= loose, "{in_one} of {tight}, {in_two} of {loose}");
        // Nor is much left unused: buckets cost a 64th of a window at the most.
        assert!(all.len() >= loose, "{} of {loose} in two windows", all.len());
    }
}
