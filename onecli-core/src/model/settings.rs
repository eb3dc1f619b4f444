//! The settings that are part of the policy: they live in the store and are the same for all its gateways.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::HostPattern;

/// The policy beside agents, secrets and rules.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// What happens to a request that no rule matches.
    pub default_policy: DefaultPolicy,
    /// Which TLS connections are looked into.
    pub intercept: Intercept,
    /// Hosts whose connections are never looked into.
    pub passthrough_hosts: Vec<HostPattern>,
    /// Which destinations of this machine and its networks are open.
    pub allow_private: Vec<AllowPrivate>,
    /// For how many days audit events are kept.
    pub audit_retention_days: u32,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            default_policy: DefaultPolicy::Allow,
            intercept: Intercept::All,
            passthrough_hosts: Vec::new(),
            allow_private: Vec::new(),
            audit_retention_days: 90,
        }
    }
}

/// What happens to a request that no rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultPolicy {
    /// It passes.
    #[default]
    Allow,
    /// It is refused: a request needs a grant.
    Deny,
}

/// Which TLS connections are looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intercept {
    /// All.
    #[default]
    All,
    /// Those to hosts that a rule or a secret is about; the rest is tunnelled.
    Matched,
}

/// One entry of the destinations that may be private or loopback.
#[derive(Clone, Debug)]
pub enum AllowPrivate {
    /// Every address of a network.
    Network(IpNet),
    /// The addresses of the hosts that match, reached by that name.
    Host(HostPattern),
}

/// The text names neither a network nor a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a network such as 10.0.0.0/8 nor a host such as build.internal or db.internal:8443"
)]
pub struct InvalidAllowPrivate(String);

impl AllowPrivate {
    /// Whether `ip` at `port`, reached as `host`, is open by this entry.
    #[must_use]
    pub fn opens(&self, host: &str, ip: IpAddr, port: u16) -> bool {
        match self {
            Self::Network(network) => network.contains(&ip.to_canonical()),
            Self::Host(pattern) => pattern.matches(host, port, None),
        }
    }
}

impl FromStr for AllowPrivate {
    type Err = InvalidAllowPrivate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAllowPrivate(text.escape_debug().to_string());
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let pattern = text.parse::<HostPattern>().map_err(|_| invalid())?;
        // A lone star would open every address of the machine's networks to every name.
        if pattern.exact_host().is_none() && pattern.wildcard_suffix().is_none() {
            return Err(invalid());
        }
        Ok(Self::Host(pattern))
    }
}

impl fmt::Display for AllowPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Host(pattern) => pattern.fmt(f),
        }
    }
}
