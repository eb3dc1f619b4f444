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
}
