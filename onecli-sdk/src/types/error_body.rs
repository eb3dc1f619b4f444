//! Errors of the API.

use serde::{Deserialize, Serialize};

/// What every answer that is not a success carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(example))]
pub struct ErrorBody {
    /// What is wrong and how to mend it.
    pub error: String,
}
