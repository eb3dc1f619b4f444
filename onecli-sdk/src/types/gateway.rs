//! Where the gateway is.

use serde::{Deserialize, Serialize};

/// Where the caller reaches the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(example))]
pub struct GatewayUrl {
    /// The gateway's address with its scheme.
    pub url: String,
}
