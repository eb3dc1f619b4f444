//! Where a database is, and how its TLS is checked.

use std::{fmt, path::PathBuf, time::Duration};

use tokio_postgres::{Config, config::SslMode};
use url::Url;

/// `postgres://user:password@host/database?sslmode=…&sslrootcert=…`, as libpq reads it.
#[derive(Clone)]
pub struct PostgresUrl {
    config: Config,
    pub(super) trust: Trust,
    pub(super) roots: Option<PathBuf>,
    shown: String,
}

/// What is asked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: the connection is only encrypted.
    Nothing,
    /// That it is signed by a root that is trusted.
    Authority,
    /// That it is for this host too.
    Host,
}

/// The text is no address of a database. It is not shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form postgres://USER:PASSWORD@HOST/DATABASE ({0})")]
pub struct InvalidPostgresUrl(String);

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that is gone without a word is noticed after so long.
const SILENCE: Duration = Duration::from_secs(10);
/// For every statement: how long it may run, and how long it may wait for a lock; and how long a transaction may do nothing. Last,
/// how soon the server notices that this side is gone: until then its locks stand.
const OPTIONS: &str = "-c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=15000 \
                       -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 -c tcp_user_timeout=15000";

impl PostgresUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none, or its `sslmode` is not known.
    pub fn parse(text: &str) -> Result<Self, InvalidPostgresUrl> {
        let invalid = |why: &str| InvalidPostgresUrl(why.to_owned());
        let mut url = Url::parse(text).map_err(|_| invalid("it is no URL"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(invalid("its scheme is neither postgres nor postgresql"));
        }
        let (own, others): (Vec<_>, Vec<_>) = url
            .query_pairs()
            .into_owned()
            .partition(|(name, _)| matches!(name.as_str(), "sslmode" | "sslrootcert"));
        let own = |name: &str| own.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let (ssl_mode, trust) = match own("sslmode").unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Trust::Nothing),
            "prefer" => (SslMode::Prefer, Trust::Nothing),
            // As libpq does: who names roots wants them to count.
            "require" if own("sslrootcert").is_some() => (SslMode::Require, Trust::Authority),
            "require" => (SslMode::Require, Trust::Nothing),
            "verify-ca" => (SslMode::Require, Trust::Authority),
            "verify-full" => (SslMode::Require, Trust::Host),
            _ => return Err(invalid("sslmode is one of disable, prefer, require, verify-ca, verify-full")),
        };
        let roots = own("sslrootcert").filter(|file| *file != "system").map(PathBuf::from);
        match others.is_empty() {
            true => url.set_query(None),
            false => {
                url.query_pairs_mut().clear().extend_pairs(others);
            }
        }
        // The error may name a parameter, never its value.
        let mut config: Config = url.as_str().parse().map_err(|error: tokio_postgres::Error| {
            InvalidPostgresUrl(crate::error_chain(&error).to_string())
        })?;
        let options =
            config.get_options().map_or_else(|| OPTIONS.to_owned(), |own| format!("{OPTIONS} {own}"));
        config.ssl_mode(ssl_mode).options(options).keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("onecli");
        }
        let (host, database) = (url.host_str().unwrap_or("localhost"), url.path());
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("postgres://{host}{port}{database}");
        Ok(Self { config, trust, roots, shown })
    }

    pub(super) fn config(&self) -> Config {
        self.config.clone()
    }
}

/// Without user and password.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{PostgresUrl, Trust};

    #[test]
    fn modes_are_those_of_libpq() {
        for (query, trust) in [
            ("", Trust::Nothing),
            ("?sslmode=disable", Trust::Nothing),
            ("?sslmode=require", Trust::Nothing),
            ("?sslmode=require&sslrootcert=/r.pem", Trust::Authority),
            ("?sslmode=verify-ca&sslrootcert=/r.pem", Trust::Authority),
            ("?sslrootcert=system&sslmode=verify-full", Trust::Host),
        ] {
            let url = PostgresUrl::parse(&format!("postgres://u:secret@db.corp:5433/x{query}")).unwrap();
            assert_eq!(url.trust, trust, "{query}");
            assert_eq!(url.roots.is_some(), query.contains("/r.pem"));
            assert_eq!(format!("{url} {url:?}").matches("secret").count(), 0, "{url:?}");
        }
        for text in [
            "",
            "mysql://u:secret@h/x",
            "postgres://u:secret@h/x?sslmode=maybe",
            "host=h password=secret",
            "postgres://u:secret@h/x?secret=1",
        ] {
            let error = PostgresUrl::parse(text).unwrap_err().to_string();
            assert!(text.contains("?secret") || !error.contains("secret"), "{error}");
        }
    }
}
