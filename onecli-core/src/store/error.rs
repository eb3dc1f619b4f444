//! What can go wrong with a store.

/// What went wrong in a store.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{what} `{value}` is taken")]
    Conflict { what: &'static str, value: String },
    #[error(
        "the database was made by a newer version of OneCLI (schema {found}, this one knows {known}); update OneCLI"
    )]
    SchemaTooNew { found: u32, known: u32 },
    #[error("a stored {what} can't be read: {detail}")]
    Corrupt { what: &'static str, detail: String },
    #[error("the store does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Wraps an error of a backend.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }
}
