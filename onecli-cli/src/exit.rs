//! Exit codes.

use std::process::ExitCode;

/// What the exit code tells scripts. `onecli run` passes on its command's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It could not be done.
    Failed = 1,
    /// The command line or the environment is wrong.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The key is missing, not valid, or may not do this.
    NotSignedIn = 4,
    /// No daemon answered.
    Unreachable = 5,
    /// `onecli run`: the command can't be executed.
    NotExecutable = 126,
    /// `onecli run`: there is no such command.
    NoSuchCommand = 127,
}

/// The command line is wrong in a way that clap can't see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// `onecli run` could not execute its command.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ExecError {
    pub(crate) message: String,
    pub(crate) exit: Exit,
}

impl Exit {
    /// The code of an error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if let Some(error) = error.downcast_ref::<ExecError>() {
            return error.exit;
        }
        if error.is::<UsageError>() {
            return Self::Usage;
        }
        match error.downcast_ref::<onecli_sdk::Error>() {
            Some(onecli_sdk::Error::Unreachable { .. }) => Self::Unreachable,
            Some(onecli_sdk::Error::Unauthorized(_)) => Self::NotSignedIn,
            Some(onecli_sdk::Error::NotFound(_)) => Self::NotFound,
            Some(onecli_sdk::Error::Configuration(_)) => Self::Usage,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use onecli_sdk::Error;

    use super::{Exit, UsageError};

    #[test]
    fn errors_have_their_codes() {
        let unreachable = Error::Unreachable { address: "a".into(), reason: "b".into() };
        for (error, exit) in [
            (anyhow::Error::from(unreachable), Exit::Unreachable),
            (Error::Unauthorized("x".into()).into(), Exit::NotSignedIn),
            (Error::NotFound("x".into()).into(), Exit::NotFound),
            (Error::Configuration("x".into()).into(), Exit::Usage),
            (Error::Invalid("x".into()).into(), Exit::Failed),
            (UsageError("x".into()).into(), Exit::Usage),
            (anyhow::anyhow!("x"), Exit::Failed),
        ] {
            assert_eq!(Exit::of(&error), exit, "{error}");
        }
        let wrapped = Err::<(), _>(Error::NotFound("x".into())).context("while looking").unwrap_err();
        assert_eq!(Exit::of(&wrapped), Exit::NotFound);
    }
}
