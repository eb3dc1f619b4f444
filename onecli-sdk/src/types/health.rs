//! The daemon's health.

use serde::{Deserialize, Serialize};

/// Whether the daemon can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(example))]
pub struct Health {
    /// `ok`, or what is wrong.
    pub status: String,
    /// The daemon's version.
    pub version: String,
    /// `ok`, or `unavailable` when the store does not answer.
    pub store: String,
    /// How many times a secret was opened for a request since start.
    #[serde(default, rename = "secretOpens")]
    #[cfg_attr(feature = "openapi", oai(rename = "secretOpens"))]
    pub secret_opens: u64,
}
