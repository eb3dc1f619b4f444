//! The forms in which a host can be read.

use std::net::IpAddr;

use crate::model::{Host, HostPattern};

/// A host in every form by which patterns may name it. Patterns and hosts are compared in their canonical form, which
/// leaves one case of two forms: an IPv6 address that maps an IPv4 one.
#[derive(Debug)]
pub(super) struct HostForms<'a> {
    canonical: &'a str,
    mapped: Option<String>,
    port: u16,
}

impl<'a> HostForms<'a> {
    pub(super) fn of(host: &'a Host, port: u16) -> Self {
        let ip = host.ip().filter(IpAddr::is_ipv6).map(|ip| ip.to_canonical());
        let mapped = ip.filter(IpAddr::is_ipv4).map(|ip| ip.to_string());
        Self { canonical: host.as_str(), mapped, port }
    }

    /// The names by which rules and secrets are looked up.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.canonical).chain(self.mapped.as_deref())
    }

    /// Whether any form matches, as a restriction asks.
    pub(super) fn any_within(&self, pattern: &HostPattern) -> bool {
        self.iter().any(|host| pattern.matches(host, self.port, None))
    }

    /// Whether all forms match, as a grant asks. A pattern without a port means `default_port`, if one is given.
    pub(super) fn all_within(&self, pattern: &HostPattern, default_port: Option<u16>) -> bool {
        self.iter().all(|host| pattern.matches(host, self.port, default_port))
    }
}
