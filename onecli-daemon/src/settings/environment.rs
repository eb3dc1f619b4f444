//! The environment variables that are settings.

use std::{collections::BTreeMap, ffi::OsString};

/// Variables by name. Never printed: some hold keys.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    unreadable: Vec<String>,
}

/// Without the prefix `ONECLI_`.
const OTHERS: [&str; 7] = [
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "SECRET_ENCRYPTION_KEY",
    "SECRET_ENCRYPTION_KEY_FILE",
    "APP_URL",
    "RUST_LOG",
    "HOME",
];

/// With the prefix, as far as this version knows them; the last two are the CLI's.
const KNOWN: [&str; 39] = [
    "DATA_DIR",
    "GATEWAY_ADDR",
    "DASHBOARD_ADDR",
    "GATEWAY_BASE_URL",
    "GATEWAY_PUBLIC_URL",
    "DEFAULT_POLICY",
    "INTERCEPT",
    "PASSTHROUGH_HOSTS",
    "ALLOW_PRIVATE",
    "AUDIT_RETENTION_DAYS",
    "RESOLVE",
    "UPSTREAM_CA_FILE",
    "UPSTREAM_PROXY",
    "UPSTREAM_PROXY_DNS",
    "UPSTREAM_NO_PROXY",
    "GATEWAY_TLS_CERT",
    "GATEWAY_TLS_KEY",
    "AUDIT_FSYNC",
    "JOURNAL_FAILURE",
    "DRAIN_SECONDS",
    "MAX_STALE_SECONDS",
    "ALLOWED_HOSTS",
    "INSECURE_HTTP",
    "MAX_HEADER_BYTES",
    "MAX_HEADERS",
    "MAX_URI_BYTES",
    "MAX_BODY_BYTES",
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_AGENT",
    "MAX_STREAMS",
    "MAX_RESETS",
    "HEAD_SECONDS",
    "HANDSHAKE_SECONDS",
    "CONNECT_SECONDS",
    "FIRST_BYTE_SECONDS",
    "STALL_SECONDS",
    "LOG_FORMAT",
    "API_KEY",
    "URL",
];

const PREFIX: &str = "ONECLI_";

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_os(std::env::vars_os())
    }

    /// Takes variables as the system gives them.
    #[must_use]
    pub fn from_os(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        for (name, value) in
            named.filter(|(name, _)| name.starts_with(PREFIX) || OTHERS.contains(&name.as_str()))
        {
            match value.into_string() {
                Ok(value) => drop(environment.variables.insert(name, value)),
                Err(_) => environment.unreadable.push(name),
            }
        }
        environment
    }

    /// A variable's text; one that is set but empty counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// The names of those whose text is not UTF-8.
    pub(super) fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// The names that begin with `ONECLI_` and that no setting has.
    pub(super) fn unknown(&self) -> Vec<String> {
        let known = |name: &str| name.strip_prefix(PREFIX).is_none_or(|rest| KNOWN.contains(&rest));
        self.variables.keys().filter(|name| !known(name)).cloned().collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self::from_os(variables.into_iter().map(|(name, value)| (name.into(), value.into())))
    }
}
