//! Logging.

use super::Source;

/// Logging.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `RUST_LOG`: which lines are written.
    pub filter: String,
    /// `ONECLI_LOG_FORMAT`.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// The API server says twice what the daemon says of its listeners.
const DEFAULT_FILTER: &str = "info,poem=warn";

impl LogSettings {
    pub(super) fn read(source: &mut Source<'_>) -> Self {
        let filter = source.parsed("RUST_LOG", "info or onecli_core=debug,info", |text| {
            match text.parse::<tracing_subscriber::EnvFilter>() {
                Ok(_) => Ok(text.to_owned()),
                Err(error) => Err(error.to_string()),
            }
        });
        let format = source.parsed("ONECLI_LOG_FORMAT", "text or json", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        Self { filter: filter.unwrap_or_else(|| DEFAULT_FILTER.into()), format: format.unwrap_or_default() }
    }
}
