//! Where the gateway is, and which there are.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Where the caller reaches the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(example))]
pub struct GatewayUrl {
    /// The gateway's address with its scheme.
    pub url: String,
}

/// A daemon of the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct Gateway {
    /// Its id, which stays the same over restarts.
    pub id: Uuid,
    /// The name of its machine.
    pub host_name: String,
    /// Its version.
    pub version: String,
    /// Where its gateway listens.
    pub addresses: Vec<String>,
    /// When it was there last.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}
