//! Identifiers. Version 7 UUIDs: they sort by the time at which they were made.

use std::{
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::{Builder, Uuid};

/// Random bytes that are not used yet. Asking the system for a few costs as much as the rest of an id, so it is asked for many.
/// Ids are no secrets.
static RANDOM: Mutex<Vec<u8>> = Mutex::new(Vec::new());
const ASKED_FOR: usize = 4096;
/// What a version 7 UUID holds of them (RFC 9562 5.7).
const IN_EACH: usize = 10;

fn generate() -> Uuid {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    match random() {
        Some(random) => Builder::from_unix_timestamp_millis(millis, &random).into_uuid(),
        None => Uuid::now_v7(),
    }
}

fn random() -> Option<[u8; IN_EACH]> {
    let mut left = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    if left.len() < IN_EACH {
        let mut more = vec![0; ASKED_FOR];
        getrandom::fill(&mut more).ok()?;
        *left = more;
    }
    let at = left.len() - IN_EACH;
    let random = left.get(at..)?.try_into().ok();
    left.truncate(at);
    random
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new id that no other has.
            #[must_use]
            pub fn generate() -> Self {
                Self(generate())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// Names an agent.
    AgentId
);
id!(
    /// Names a secret.
    SecretId
);
id!(
    /// Names a rule.
    RuleId
);
id!(
    /// Names an API key.
    ApiKeyId
);
id!(
    /// Names an exchange, and the audit event that is kept of it.
    EventId
);
id!(
    /// Names a daemon of a system.
    GatewayId
);
