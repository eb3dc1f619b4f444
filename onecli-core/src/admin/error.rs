//! Why a change was not made, for people.

use crate::{
    model::{
        InvalidAllowPrivate, InvalidCondition, InvalidHostPattern, InvalidIdentifier, InvalidInjection,
        InvalidPathPattern,
    },
    policy::PolicyError,
    store::StoreError,
    vault::{InvalidValue, VaultError},
};

/// Why a question has no answer or a change was not made. The messages say how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What was asked for is not there.
    #[error("there is no {0}")]
    NotFound(String),
    /// It is at odds with something that is there.
    #[error("{0}")]
    Conflict(String),
    /// It is well-formed, but nothing that can be kept.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It is stored, but not in force yet.
    #[error(transparent)]
    NotInForce(#[from] PolicyError),
}

impl AdminError {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(format!("such {what}")),
            StoreError::Conflict { what, value } => {
                Self::Conflict(format!("{what} `{value}` is taken; choose another"))
            }
            other => Self::Store(other),
        }
    }
}

macro_rules! refused {
    ($($error:ty),*) => {
        $(impl From<$error> for AdminError {
            fn from(error: $error) -> Self {
                Self::Refused(error.to_string())
            }
        })*
    };
}

refused!(
    InvalidAllowPrivate,
    InvalidCondition,
    InvalidHostPattern,
    InvalidIdentifier,
    InvalidInjection,
    InvalidPathPattern,
    InvalidValue
);
