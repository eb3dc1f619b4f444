//! What it means that the schema refused a row.

use rusqlite::{Error, ffi};

use crate::store::StoreError;

/// What a failed insert or update means where `value` must be unique in `column`, written `table.column`.
pub(super) fn taken(error: Error, column: &str, what: &'static str, value: &str) -> StoreError {
    match &error {
        // The code tells that something was not unique, and only the message what.
        Error::SqliteFailure(failure, Some(message))
            if failure.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE && message.ends_with(column) =>
        {
            StoreError::Conflict { what, value: value.to_owned() }
        }
        _ => error.into(),
    }
}

/// Whether a row names another one that is not there.
pub(super) fn missing_reference(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|failure| failure.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}
