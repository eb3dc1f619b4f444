//! Reads single settings and gathers what is wrong with them.

use super::{Environment, Flags};

pub(super) struct Source<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    faults: Vec<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(flags: &'a Flags, environment: &'a Environment) -> Self {
        let unreadable = environment.unreadable().iter();
        let faults = unreadable.map(|name| format!("{name} is not valid UTF-8; set it again as plain text"));
        Self { flags, environment, faults: faults.collect() }
    }

    pub(super) fn into_faults(self) -> Vec<String> {
        self.faults
    }

    /// A setting's text, from its flag or else its variable.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        match self.flags.get(name) {
            Some((_, text)) => Some(text.trim()),
            None => self.environment.get(name).map(str::trim),
        }
    }

    pub(super) fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// A setting as `parse` reads it; none if it is not set or does not parse. `example` follows "such as".
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self, name: &str, example: &str, parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(format!("{}: {error}; write it such as {example}", self.said_as(name)));
                None
            }
        }
    }

    /// A comma-separated setting.
    pub(super) fn list<T, E: std::fmt::Display>(
        &mut self, name: &str, example: &str, parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let all =
            |text: &str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(&parse).collect();
        self.parsed(name, example, all).unwrap_or_default()
    }

    /// How the person set it: by the flag or by the variable.
    fn said_as<'n>(&self, name: &'n str) -> &'n str {
        self.flags.get(name).map_or(name, |(flag, _)| flag)
    }
}
