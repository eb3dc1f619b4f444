//! Where a secret's value comes from.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use onecli_sdk::types::SecretInput;
use zeroize::{Zeroize, Zeroizing};

use crate::exit::UsageError;

/// Where the value comes from: at most one; none: standard input if it is piped, else a hidden prompt.
#[derive(Args)]
pub(super) struct ValueArgs {
    /// Read the value from this file; one line break at its end is left out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["value_env", "value"], help_heading = "Value")]
    value_file: Option<PathBuf>,
    /// Read the value from this environment variable
    #[arg(long, value_name = "VARIABLE", conflicts_with = "value", help_heading = "Value")]
    value_env: Option<String>,
    /// The value itself; it shows in the process list and in the shell's history
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, help_heading = "Value")]
    value: Option<String>,
}

/// How long a value can be.
const LIMIT: usize = 16 * 1024;

impl ValueArgs {
    /// Whether the command line names a value.
    pub(super) fn is_given(&self) -> bool {
        self.value_file.is_some() || self.value_env.is_some() || self.value.is_some()
    }

    /// Reads the value of the secret `name`.
    pub(super) fn read(self, name: &str) -> anyhow::Result<SecretInput> {
        let value = if let Some(value) = self.value {
            eprintln!(
                "warning: --value shows in the process list and in the shell's history; use --value-file, --value-env or \
                 standard input"
            );
            Zeroizing::new(value)
        } else if let Some(variable) = &self.value_env {
            from_variable(variable)?
        } else if let Some(path) = &self.value_file {
            let shown = path.display();
            let file = File::open(path).with_context(|| format!("the value file {shown} can't be read"))?;
            read_text(file).with_context(|| format!("the value file {shown} can't be used"))?
        } else if io::stdin().is_terminal() {
            let prompt = format!("Value of {}: ", name.escape_debug());
            Zeroizing::new(
                rpassword::prompt_password(prompt).context("the value can't be read from the terminal")?,
            )
        } else {
            read_text(io::stdin().lock()).context("the value on standard input can't be used")?
        };
        if value.is_empty() {
            return Err(UsageError(
                "the value is empty; pipe it in, or use --value-file or --value-env".into(),
            )
            .into());
        }
        Ok(SecretInput::new(value))
    }
}

fn from_variable(name: &str) -> anyhow::Result<Zeroizing<String>> {
    let shown = name.escape_debug();
    let value = env::var_os(name).ok_or_else(|| {
        UsageError(format!("the variable {shown} is not set; export it, or use --value-file"))
    })?;
    let text = value.into_string().map_err(|value| {
        value.into_encoded_bytes().zeroize();
        UsageError(format!("the variable {shown} is not valid UTF-8"))
    })?;
    Ok(Zeroizing::new(text))
}

/// Reads a text to its end, without one line break there. No message shows any of it.
fn read_text(from: impl Read) -> anyhow::Result<Zeroizing<String>> {
    let longest = LIMIT + "\r\n".len();
    // Room enough from the start: a buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 2));
    from.take(longest as u64 + 1).read_to_end(&mut bytes)?;
    let text =
        bytes.strip_suffix(b"\n").map_or(bytes.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
    if text.len() > LIMIT {
        anyhow::bail!("it is longer than 16 KiB, which no credential is");
    }
    match str::from_utf8(text) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => anyhow::bail!("it is not valid UTF-8; a credential is a text"),
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, ValueArgs, from_variable, read_text};
    use crate::exit::Exit;

    #[test]
    fn one_line_break_at_the_end_is_left_out() {
        for (text, value) in [
            ("key", "key"),
            ("key\n", "key"),
            ("key\r\n", "key"),
            ("key\n\n", "key\n"),
            ("a\nb\n", "a\nb"),
            (" key \n", " key "),
            ("key\r", "key\r"),
            ("\n", ""),
        ] {
            assert_eq!(*read_text(text.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn what_can_be_no_value_is_refused_without_showing_it() {
        let longest = "x".repeat(LIMIT) + "\r\n";
        assert_eq!(read_text(longest.as_bytes()).unwrap().len(), LIMIT);
        assert!(read_text("x".repeat(LIMIT + 1).as_bytes()).is_err());
        assert!(read_text(std::io::repeat(b'x')).is_err());
        let error = read_text(&b"canary\xff"[..]).unwrap_err();
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_wrong_usage() {
        assert_eq!(Exit::of(&from_variable("ONECLI_TEST_NOT_SET").unwrap_err()), Exit::Usage);
    }

    #[test]
    fn an_empty_value_is_wrong_usage() {
        let args = ValueArgs { value_file: Some("/dev/null".into()), value_env: None, value: None };
        assert_eq!(Exit::of(&args.read("x").unwrap_err()), Exit::Usage);
    }
}
