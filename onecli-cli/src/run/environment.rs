//! What a command's environment gets and loses.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::Command,
};

use anyhow::Context;
use onecli_sdk::types::ContainerConfig;

use super::proxy;

/// What is set in a command's environment, and what is taken from it.
pub(super) struct Environment {
    set: BTreeMap<String, OsString>,
    token: Option<String>,
}

/// The loopback addresses, which are reached without the gateway.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// Variables of the daemon's owner that no agent may see; `*` stands for any end.
const WITHHELD: [&str; 5] =
    ["ONECLI_API_KEY", "SECRET_ENCRYPTION_KEY*", "DATABASE_URL*", "NEXTAUTH_SECRET", "GOOGLE_CLIENT_SECRET"];

impl Environment {
    /// The environment that `config` asks for, with the gateway where this machine reaches it and the certificates in
    /// `bundle`; without a bundle, with no say about certificates.
    pub(super) fn new(
        config: &ContainerConfig, gateway: &str, bundle: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut set = BTreeMap::new();
        for (name, value) in &config.env {
            if *value == config.ca_certificate_container_path {
                if let Some(bundle) = bundle {
                    set.insert(name.clone(), bundle.as_os_str().to_owned());
                }
            } else if !is_proxy(name) {
                set.insert(name.clone(), value.into());
            }
        }
        let proxy = |name: &str| config.env.get(name).or_else(|| config.env.get(&name.to_ascii_lowercase()));
        let https = proxy("HTTPS_PROXY").context("the daemon named no proxy; is it of another version?")?;
        for (upper, address) in [("HTTPS_PROXY", https), ("HTTP_PROXY", proxy("HTTP_PROXY").unwrap_or(https))]
        {
            let address = OsString::from(proxy::at_gateway(address, gateway)?);
            set.insert(upper.to_ascii_lowercase(), address.clone());
            set.insert(upper.to_owned(), address);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            set.insert(name.to_owned(), NO_PROXY.into());
        }
        Ok(Self { set, token: proxy::token(https) })
    }

    /// Gives a command this environment.
    pub(super) fn apply(&self, command: &mut Command) {
        for (name, _) in env::vars_os().filter(|(name, _)| is_withheld(name)) {
            command.env_remove(name);
        }
        command.envs(&self.set);
    }

    /// What is set, a line each, with the token masked.
    pub(super) fn masked(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.set {
            let value = value.to_string_lossy();
            let value = match &self.token {
                Some(token) => value.replace(token, "aoc_…"),
                None => value.into_owned(),
            };
            text.extend([name.as_str(), "=", &value, "\n"]);
        }
        text
    }
}

fn is_proxy(name: &str) -> bool {
    name.eq_ignore_ascii_case("HTTPS_PROXY") || name.eq_ignore_ascii_case("HTTP_PROXY")
}

fn is_withheld(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    WITHHELD.iter().any(|withheld| match withheld.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()),
        None => name == withheld.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use onecli_sdk::types::ContainerConfig;

    use super::{Environment, is_withheld};

    const IN_CONTAINER: &str = "/tmp/onecli-gateway-ca.pem";

    fn config(env: &[(&str, &str)]) -> ContainerConfig {
        ContainerConfig {
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ca_certificate: "pem".into(),
            ca_certificate_container_path: IN_CONTAINER.into(),
            credential_stubs: None,
            warnings: None,
        }
    }

    fn pairs(environment: &Environment) -> BTreeMap<&str, &str> {
        environment.set.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn the_environment_is_this_machines() {
        let proxy = "http://x:aoc_1@host.docker.internal:10255";
        let config = config(&[
            ("HTTPS_PROXY", proxy),
            ("HTTP_PROXY", proxy),
            ("SSL_CERT_FILE", IN_CONTAINER),
            ("NODE_USE_ENV_PROXY", "1"),
        ]);
        let environment =
            Environment::new(&config, "http://127.0.0.1:7", Some(Path::new("/d/ca.pem"))).unwrap();
        let here = "http://x:aoc_1@127.0.0.1:7";
        let expected = BTreeMap::from([
            ("HTTPS_PROXY", here),
            ("HTTP_PROXY", here),
            ("https_proxy", here),
            ("http_proxy", here),
            ("NO_PROXY", "localhost,127.0.0.1,::1"),
            ("no_proxy", "localhost,127.0.0.1,::1"),
            ("SSL_CERT_FILE", "/d/ca.pem"),
            ("NODE_USE_ENV_PROXY", "1"),
        ]);
        assert_eq!(pairs(&environment), expected);
        let masked = environment.masked();
        assert!(
            masked.contains("HTTPS_PROXY=http://x:aoc_…@127.0.0.1:7\n") && !masked.contains("aoc_1"),
            "{masked}"
        );
    }

    #[test]
    fn without_certificates_trust_is_left_alone() {
        let config = config(&[("https_proxy", "http://x:aoc_1@a:1"), ("SSL_CERT_FILE", IN_CONTAINER)]);
        let environment = Environment::new(&config, "http://127.0.0.1:7", None).unwrap();
        assert!(!pairs(&environment).contains_key("SSL_CERT_FILE"));
    }

    #[test]
    fn a_daemon_that_names_no_proxy_is_an_error() {
        assert!(Environment::new(&config(&[]), "http://127.0.0.1:7", None).is_err());
    }

    #[test]
    fn what_is_the_owners_is_withheld() {
        for name in
            ["ONECLI_API_KEY", "SECRET_ENCRYPTION_KEY", "SECRET_ENCRYPTION_KEY_FILE", "DATABASE_URL_FILE"]
        {
            assert!(is_withheld(name.as_ref()), "{name}");
        }
        for name in ["ONECLI_URL", "PATH", "MY_DATABASE_URL", "GOOGLE_CLIENT_ID", "ONECLI_API_KEYS"] {
            assert!(!is_withheld(name.as_ref()), "{name}");
        }
    }
}
