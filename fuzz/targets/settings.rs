//! Settings as variables, a line each. What is wrong is told without the text of a key.
#![no_main]

use std::ffi::OsString;

use onecli_daemon::settings::{Environment, Flags, Settings};

const KEY: &str = "SECRET_ENCRYPTION_KEY";

libfuzzer_sys::fuzz_target!(|text: &str| {
    // Files of this machine are not the fuzzer's to read.
    let pairs =
        text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.ends_with("_FILE"));
    let variables: Vec<(&str, &str)> = pairs.collect();
    let os = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let Err(error) = Settings::read(&Flags::default(), &Environment::from_os(os)) else { return };
    let told = error.to_string();
    assert!(!told.is_empty());
    let key = variables.iter().rev().find(|(name, _)| *name == KEY).map(|(_, key)| key.trim());
    let others: String = variables.iter().filter(|(name, _)| *name != KEY).map(|(_, value)| *value).collect();
    if let Some(key) = key.filter(|key| key.len() > 40 && !others.contains(*key)) {
        assert!(!told.contains(key));
    }
});
