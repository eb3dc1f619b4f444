//! Values between rows and types.

use std::{fmt::Display, str::FromStr};

use time::OffsetDateTime;
use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;

use crate::{
    model::{RateLimit, Window},
    store::{StoreError, TokenHash},
};

/// Reads columns of a row of `table`, and says which row it was if one can't be read: a row that is left out would
/// loosen the policy.
pub(super) struct Columns<'a> {
    row: &'a Row,
    table: &'static str,
    id: Uuid,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row, table: &'static str) -> Result<Self, StoreError> {
        Ok(Self { row, table, id: row.try_get("id")? })
    }

    pub(super) fn id<T: From<Uuid>>(&self) -> T {
        self.id.into()
    }

    pub(super) fn get<T: FromSql<'a>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn opt_id<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        Ok(self.get::<Option<Uuid>>(column)?.map(Into::into))
    }

    pub(super) fn time(&self, column: &str) -> Result<OffsetDateTime, StoreError> {
        self.get(column)
    }

    pub(super) fn opt_time(&self, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
        self.get(column)
    }

    /// A column that is kept as text.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|error| self.corrupt(column, &error))
    }

    /// A column that is kept as one of some names.
    pub(super) fn named<T>(
        &self, column: &str, read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let name: &str = self.get(column)?;
        read(name).ok_or_else(|| self.corrupt(column, &format!("`{name}` is not known; update OneCLI")))
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.get::<&str>(column)?).map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn hash(&self, column: &str) -> Result<TokenHash, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        bytes.try_into().map(TokenHash).map_err(|_| self.corrupt(column, &"it is not 32 bytes long"))
    }

    pub(super) fn rate_limit(&self, requests: i64, seconds: i64) -> Result<RateLimit, StoreError> {
        let limit = || {
            let window = Window::from_seconds(u32::try_from(seconds).ok()?).ok()?;
            RateLimit::new(u64::try_from(requests).ok()?, window).ok()
        };
        limit().ok_or_else(|| self.corrupt("rate_limit", &format!("{requests} in {seconds} s is no limit")))
    }

    /// A number that is never negative.
    pub(super) fn unsigned(&self, column: &str) -> Result<u64, StoreError> {
        u64::try_from(self.get::<i64>(column)?).map_err(|_| self.corrupt(column, &"it is negative"))
    }

    /// A small number that is never negative.
    pub(super) fn small(&self, column: &str) -> Result<Option<u16>, StoreError> {
        let number: Option<i32> = self.get(column)?;
        number.map(u16::try_from).transpose().map_err(|_| self.corrupt(column, &"out of range"))
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
pub(super) fn found(rows: u64, what: &'static str) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::NotFound(what)),
        _ => Ok(()),
    }
}
