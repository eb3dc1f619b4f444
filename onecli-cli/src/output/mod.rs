//! What goes to standard output: tables for people, JSON for programs.

mod narrow;
mod table;

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

/// How answers are shown.
#[derive(Args)]
pub(crate) struct Output {
    /// JSON, also on a terminal; what is piped is JSON anyway
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Only this field, one a line
    #[arg(long, global = true, value_name = "FIELD", conflicts_with_all = ["json", "fields"], help_heading = "Output")]
    quiet: Option<String>,
    /// Only these fields, comma-separated
    #[arg(long, global = true, value_name = "FIELDS", value_delimiter = ',', help_heading = "Output")]
    fields: Option<Vec<String>>,
}

/// The fields of a resource, as they are named in the API.
pub(crate) struct Shape {
    /// All of them.
    pub(crate) fields: &'static [&'static str],
    /// Those that a table of many shows.
    pub(crate) columns: &'static [&'static str],
}

impl Output {
    /// Shows a thing or a list of things.
    pub(crate) fn show<T: Serialize>(&self, answer: &T, shape: &Shape) -> anyhow::Result<()> {
        let wanted = self.quiet.as_slice().iter().chain(self.fields.iter().flatten());
        if let Err(error) = narrow::check(wanted, shape.fields) {
            // It may be done already, and what it says may be said only once: a new token, say.
            let answer =
                serde_json::to_string_pretty(answer).context("the answer can't be written as JSON")?;
            print(&format!("{answer}\n"))?;
            return Err(error.into());
        }
        let text = match (&self.quiet, self.is_json()) {
            (Some(field), _) => narrow::lines(&to_value(answer)?, field),
            (None, true) => self.json(answer)?,
            (None, false) => table::render(&to_value(answer)?, self.fields.as_deref(), shape),
        };
        print(&text)
    }

    /// Tells a person what was done; programs need no more than the exit code.
    pub(crate) fn tell(&self, sentence: &str) -> anyhow::Result<()> {
        match self.is_json() || self.quiet.is_some() {
            true => Ok(()),
            false => print(&format!("{sentence}\n")),
        }
    }

    /// Whether programs read this.
    pub(crate) fn is_json(&self) -> bool {
        self.json || !io::stdout().is_terminal()
    }

    /// Whether only some fields are wanted.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.quiet.is_some() || self.fields.is_some()
    }

    fn json<T: Serialize>(&self, answer: &T) -> anyhow::Result<String> {
        let mut text = match &self.fields {
            None => serde_json::to_string_pretty(answer),
            Some(fields) => serde_json::to_string_pretty(&narrow::keep(to_value(answer)?, fields)),
        }
        .context("the answer can't be written as JSON")?;
        text.push('\n');
        Ok(text)
    }
}

/// Writes to standard output. A reader that has gone away has had enough.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output can't be written")
        }
        _ => Ok(()),
    }
}

fn to_value<T: Serialize>(answer: &T) -> anyhow::Result<Value> {
    serde_json::to_value(answer).context("the answer can't be written as JSON")
}
