//! What can go wrong with a call.

use std::error::Error as _;

use reqwest::StatusCode;

use crate::types::ErrorBody;

/// Why a call has no answer. What the daemon said is told as it said it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No daemon answered.
    #[error(
        "the OneCLI daemon can't be reached at {address} ({reason}); start it with `onecli start`, or say with ONECLI_URL \
         where it is"
    )]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What stood in the way.
        reason: String,
    },
    /// The key is missing or not valid (401), or it may not do this (403).
    #[error("{0}")]
    Unauthorized(String),
    /// There is no such thing (404, 410).
    #[error("{0}")]
    NotFound(String),
    /// It clashes with what is there (409, 412).
    #[error("{0}")]
    Conflict(String),
    /// The daemon refused the input (other 4xx, such as 400 and 422).
    #[error("{0}")]
    Invalid(String),
    /// The daemon could not serve the call (429, 5xx and whatever else).
    #[error("{message}")]
    Server {
        /// The status.
        status: u16,
        /// What the daemon said.
        message: String,
    },
    /// The answer is not what this client understands.
    #[error(
        "the answer of the daemon at {address} can't be read ({reason}); client and daemon may be of different versions"
    )]
    Decode {
        /// Where the daemon is.
        address: String,
        /// What could not be read.
        reason: String,
    },
    /// The client's own settings can't be used.
    #[error("{0}")]
    Configuration(String),
}

impl Error {
    /// The error of a call that got no answer.
    pub(super) fn transport(address: &str, error: reqwest::Error) -> Self {
        let address = address.to_owned();
        let error = error.without_url();
        if error.is_decode() {
            return Self::Decode { address, reason: root_cause(&error) };
        }
        let reason = match error.is_timeout() {
            true => "it did not answer in time".to_owned(),
            false => root_cause(&error),
        };
        Self::Unreachable { address, reason }
    }

    /// The error that an answer tells of.
    pub(super) fn from_answer(address: &str, status: StatusCode, body: &[u8]) -> Self {
        let message = match serde_json::from_slice::<ErrorBody>(body) {
            Ok(body) => body.error,
            Err(_) => match status {
                StatusCode::UNAUTHORIZED => {
                    format!("the daemon at {address} wants an API key; set ONECLI_API_KEY")
                }
                _ => format!("the daemon at {address} answered {status} without saying why"),
            },
        };
        match status.as_u16() {
            401 | 403 => Self::Unauthorized(message),
            404 | 410 => Self::NotFound(message),
            409 | 412 => Self::Conflict(message),
            429 => Self::Server { status: 429, message },
            400..=499 => Self::Invalid(message),
            status => Self::Server { status, message },
        }
    }
}

/// The innermost cause, which is the one that helps.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
