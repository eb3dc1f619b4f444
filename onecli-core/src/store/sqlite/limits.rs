//! Takings from rate limits.
//!
//! They are kept in a database of their own beside the other one: each is one small write, which must survive the end of
//! the process but need not wait for the disk, nor for batches of audit events.

use async_trait::async_trait;
use rusqlite::{Transaction, params};

use super::{SqliteStore, columns::micros, connections::Purpose};
use crate::{
    clock,
    store::{
        LimitClaim, LimitStore, StoreError, Taking,
        sliding::{self, Bucket},
    },
};

/// A taking survives the end of the process.
pub(super) const LIMITS: Purpose = Purpose {
    synchronous: "NORMAL",
    check: |_| Ok(()),
    migrate: |connection| Ok(connection.execute_batch(SCHEMA)?),
};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS takings (
    rule_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    bucket_start INTEGER NOT NULL,
    bucket_end INTEGER NOT NULL,
    takings INTEGER NOT NULL,
    PRIMARY KEY (rule_id, agent_id, bucket_start, bucket_end)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS takings_by_end ON takings (bucket_end);";

#[async_trait]
impl LimitStore for SqliteStore {
    async fn take_limits(&self, claims: &[LimitClaim]) -> Result<Taking, StoreError> {
        let claims = claims.to_vec();
        // The time is read where takings are in order.
        self.limits.write(move |transaction| take(transaction, &claims, micros(clock::now()))).await
    }
}

/// Takes one from each, or from none.
fn take(transaction: &Transaction<'_>, claims: &[LimitClaim], now: i64) -> Result<Taking, StoreError> {
    let mut used = Vec::with_capacity(claims.len());
    for (number, claim) in claims.iter().enumerate() {
        let (limit, window) = (claim.limit.requests(), claim.limit.window().seconds());
        let buckets = buckets(transaction, claim, sliding::horizon(now, window))?;
        let count = sliding::used(&buckets, now, window);
        if count >= limit {
            let retry_after = sliding::wait(&buckets, now, window, limit);
            return Ok(Taking::Full { claim: number, used: count, retry_after });
        }
        used.push(count + 1);
    }
    for claim in claims {
        add(transaction, claim, now)?;
    }
    Ok(Taking::Taken { used })
}

fn buckets(
    transaction: &Transaction<'_>, claim: &LimitClaim, horizon: i64,
) -> Result<Vec<Bucket>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT bucket_start, bucket_end, takings FROM takings WHERE rule_id = ?1 AND agent_id = ?2 AND bucket_end > ?3",
    )?;
    let rows = statement
        .query_map(params![claim.rule.to_string(), claim.agent.to_string(), horizon], |row| {
            Ok(Bucket { start: row.get(0)?, end: row.get(1)?, takings: row.get(2)? })
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn add(transaction: &Transaction<'_>, claim: &LimitClaim, now: i64) -> Result<(), StoreError> {
    let window = claim.limit.window().seconds();
    let (start, end) = sliding::span(now, window);
    let (rule, agent) = (claim.rule.to_string(), claim.agent.to_string());
    let added = transaction
        .prepare_cached(
            "INSERT INTO takings (rule_id, agent_id, bucket_start, bucket_end, takings) VALUES (?1, ?2, ?3, ?4, 1) \
             ON CONFLICT DO UPDATE SET takings = takings + 1 RETURNING takings",
        )?
        .query_row(params![rule, agent, start, end], |row| row.get::<_, u32>(0))?;
    if added == 1 {
        // A new bucket: time to forget those that no longer count.
        transaction
            .prepare_cached("DELETE FROM takings WHERE rule_id = ?1 AND agent_id = ?2 AND bucket_end <= ?3")?
            .execute(params![rule, agent, sliding::horizon(now, window)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SCHEMA, take};
    use crate::{
        model::{AgentId, RateLimit, RuleId},
        store::{LimitClaim, Taking},
    };

    fn claim(requests: u64, window: &str) -> LimitClaim {
        let limit = RateLimit::new(requests, window.parse().unwrap()).unwrap();
        LimitClaim { rule: RuleId::generate(), agent: AgentId::generate(), limit }
    }

    proptest! {
        /// Several limits at once, against the plain definition, with a clock of the test's own.
        #[test]
        fn all_or_none_and_never_more(
            steps in prop::collection::vec((0_i64..2_000_000, any::<bool>()), 1..120), tight in 1_u64..4, loose in 3_u64..8,
        ) {
            let mut connection = rusqlite::Connection::open_in_memory().unwrap();
            connection.execute_batch(SCHEMA).unwrap();
            let (tight, loose) = (claim(tight, "2s"), claim(loose, "5s"));
            let mut now = 1_700_000_000_000_000_i64;
            let (mut of_tight, mut of_loose) = (Vec::new(), Vec::new());
            for (step, both) in steps {
                now += step;
                let claims = if both { vec![tight, loose] } else { vec![loose] };
                let transaction = connection.transaction().unwrap();
                let taken = matches!(take(&transaction, &claims, now).unwrap(), Taking::Taken { .. });
                transaction.commit().unwrap();
                if taken {
                    of_loose.push(now);
                    if both {
                        of_tight.push(now);
                    }
                }
            }
            for (taken, claim) in [(of_tight, tight), (of_loose, loose)] {
                let length = i64::from(claim.limit.window().seconds()) * 1_000_000;
                for first in &taken {
                    let within = taken.iter().filter(|at| (*first..=first + length).contains(at)).count();
                    prop_assert!(within <= claim.limit.requests() as usize);
                }
            }
        }
    }
}
