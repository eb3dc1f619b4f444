//! Values between rows and types.

use std::{fmt::Display, str::FromStr};

use rusqlite::Row;
use time::OffsetDateTime;

use crate::{
    model::{RateLimit, Window},
    store::{StoreError, TokenHash},
};

/// Microseconds since 1970, UTC.
pub(super) fn micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

pub(super) fn opt_micros(time: Option<OffsetDateTime>) -> Option<i64> {
    time.map(micros)
}

/// Reads columns of a row of `table`, and says which row it was if one can't be read: a row that is left out would
/// loosen the policy.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    id: String,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row<'a>, table: &'static str) -> Result<Self, StoreError> {
        Ok(Self { row, table, id: row.get("id")? })
    }

    pub(super) fn get<T: rusqlite::types::FromSql>(&self, column: &str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn time(&self, column: &str) -> Result<OffsetDateTime, StoreError> {
        self.to_time(column, self.get(column)?)
    }

    pub(super) fn opt_time(&self, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
        self.get::<Option<i64>>(column)?.map(|micros| self.to_time(column, micros)).transpose()
    }

    /// A column that is kept as text.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StoreError> {
        self.get::<String>(column)?.parse().map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn opt_parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse()).transpose().map_err(|error| self.corrupt(column, &error))
    }

    /// A column that is kept as one of some names.
    pub(super) fn named<T>(
        &self, column: &str, read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let name: String = self.get(column)?;
        read(&name).ok_or_else(|| self.corrupt(column, &format!("`{name}` is not known; update OneCLI")))
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn hash(&self, column: &str) -> Result<TokenHash, StoreError> {
        self.get(column).map(TokenHash)
    }

    pub(super) fn rate_limit(&self, requests: u32, seconds: u32) -> Result<RateLimit, StoreError> {
        let window =
            Window::from_seconds(seconds).map_err(|error| self.corrupt("rate_limit_seconds", &error))?;
        RateLimit::new(requests.into(), window).map_err(|error| self.corrupt("rate_limit", &error))
    }

    pub(super) fn unsigned<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        T::try_from(self.get::<i64>(column)?).map_err(|_| self.corrupt(column, &"out of range"))
    }

    fn to_time(&self, column: &str, micros: i64) -> Result<OffsetDateTime, StoreError> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
            .map_err(|error| self.corrupt(column, &error))
    }

    fn corrupt(&self, column: &str, error: &dyn Display) -> StoreError {
        StoreError::Corrupt { what: self.table, detail: format!("{}, {column}: {error}", self.id) }
    }
}

/// JSON for a text column. The types that are stored so always serialise.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::unavailable)
}

/// An update or a removal that met no row.
pub(super) fn found(rows: usize, what: &'static str) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::NotFound(what)),
        _ => Ok(()),
    }
}
