//! Takings from rate limits: one stored function, by the database's clock, for all gateways.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::PostgresStore;
use crate::store::{LimitClaim, LimitStore, StoreError, Taking};

#[async_trait]
impl LimitStore for PostgresStore {
    async fn take_limits(&self, claims: &[LimitClaim]) -> Result<Taking, StoreError> {
        let client = self.limits.get().await.map_err(StoreError::unavailable)?;
        let rules: Vec<Uuid> = claims.iter().map(|claim| claim.rule.0).collect();
        let agents: Vec<Uuid> = claims.iter().map(|claim| claim.agent.0).collect();
        let limits: Vec<i64> = claims.iter().map(|claim| claim.limit.requests().into()).collect();
        let windows: Vec<i64> = claims.iter().map(|claim| claim.limit.window().seconds().into()).collect();
        let take = client.prepare_cached("SELECT * FROM take_limits($1, $2, $3, $4)").await?;
        let row = client.query_one(&take, &[&rules, &agents, &limits, &windows]).await?;
        let used: Vec<i64> = row.try_get("used")?;
        let used = used.into_iter().map(|used| u32::try_from(used).unwrap_or(u32::MAX));
        match row.try_get::<_, Option<i32>>("full_claim")? {
            None => Ok(Taking::Taken { used: used.collect() }),
            Some(claim) => Ok(Taking::Full {
                claim: usize::try_from(claim).unwrap_or(0),
                used: used.max().unwrap_or(0),
                retry_after: Duration::from_micros(
                    u64::try_from(row.try_get::<_, i64>("retry_after_micros")?).unwrap_or(0),
                ),
            }),
        }
    }
}
