//! What it means that the schema refused a row.

use tokio_postgres::{Error, error::SqlState};

use crate::store::StoreError;

/// What a failed insert or update means where `value` must be unique by the constraint of that name.
pub(super) fn taken(error: Error, constraint: &str, what: &'static str, value: &str) -> StoreError {
    match error.as_db_error() {
        Some(refused)
            if *refused.code() == SqlState::UNIQUE_VIOLATION && refused.constraint() == Some(constraint) =>
        {
            StoreError::Conflict { what, value: value.to_owned() }
        }
        _ => error.into(),
    }
}

/// Whether a row names another one that is not there.
pub(super) fn missing_reference(error: &Error) -> bool {
    error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION)
}
