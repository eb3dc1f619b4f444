//! The gateway's settings.

use std::{net::SocketAddr, time::Duration};

use onecli_core::{
    audit::{Fsync, JournalFailure},
    destination::{ConnectTo, Lookups, UpstreamProxy},
    model::AllowPrivate,
};
use rustls::pki_types::CertificateDer;

use super::{Source, tls_files, tls_files::TlsFiles};

/// The gateway's settings.
#[derive(Debug)]
pub struct GatewaySettings {
    /// `ONECLI_GATEWAY_ADDR`.
    pub addresses: GatewayAddresses,
    /// `ONECLI_RESOLVE`.
    pub resolve: Vec<ConnectTo>,
    /// The certificates of `ONECLI_UPSTREAM_CA_FILE`.
    pub upstream_roots: Vec<CertificateDer<'static>>,
    /// `ONECLI_UPSTREAM_PROXY`, `ONECLI_UPSTREAM_PROXY_DNS` and `ONECLI_UPSTREAM_NO_PROXY`.
    pub upstream_proxy: Option<UpstreamProxy>,
    /// `ONECLI_GATEWAY_TLS_CERT` and `ONECLI_GATEWAY_TLS_KEY`.
    pub tls: Option<TlsFiles>,
    /// `ONECLI_MAX_STALE_SECONDS`.
    pub max_stale: Duration,
    /// `ONECLI_AUDIT_FSYNC`.
    pub audit_fsync: Fsync,
    /// `ONECLI_JOURNAL_FAILURE`.
    pub journal_failure: JournalFailure,
    /// `ONECLI_DRAIN_SECONDS`.
    pub drain: Duration,
}

/// Where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayAddresses {
    /// Loopback, and the Docker bridge if there is one.
    Auto,
    /// These.
    These(Vec<SocketAddr>),
}

const DRAIN: Duration = Duration::from_secs(30);
const MAX_STALE: Duration = Duration::from_secs(300);
const A_DAY: u64 = 24 * 60 * 60;

fn up_to_a_day(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= A_DAY => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{}` is not a number of seconds up to a day", text.escape_debug())),
    }
}

impl GatewaySettings {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        let addresses = source.parsed("ONECLI_GATEWAY_ADDR", "127.0.0.1:10255 or auto", addresses);
        let resolve = source.list("ONECLI_RESOLVE", "api.test:443=127.0.0.1:8443", str::parse::<ConnectTo>);
        let upstream_roots =
            source.parsed("ONECLI_UPSTREAM_CA_FILE", "/etc/ssl/company-root.pem", tls_files::certificates);
        let upstream_proxy = upstream_proxy(source);
        let tls = TlsFiles::read(source);
        let audit_fsync = source.parsed("ONECLI_AUDIT_FSYNC", "group or each", |text| match text {
            "group" => Ok(Fsync::Group),
            "each" => Ok(Fsync::Each),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        let journal_failure =
            source.parsed("ONECLI_JOURNAL_FAILURE", "refuse or continue", |text| match text {
                "refuse" => Ok(JournalFailure::Refuse),
                "continue" => Ok(JournalFailure::Continue),
                other => Err(format!("`{}` is neither", other.escape_debug())),
            });
        let drain = source.parsed("ONECLI_DRAIN_SECONDS", "30", up_to_a_day);
        let max_stale = source.parsed("ONECLI_MAX_STALE_SECONDS", "300", up_to_a_day);
        Some(Self {
            addresses: addresses.unwrap_or(GatewayAddresses::Auto),
            resolve,
            upstream_roots: upstream_roots.unwrap_or_default(),
            upstream_proxy,
            tls,
            max_stale: max_stale.unwrap_or(MAX_STALE),
            audit_fsync: audit_fsync.unwrap_or_default(),
            journal_failure: journal_failure.unwrap_or_default(),
            drain: drain.unwrap_or(DRAIN),
        })
    }
}

fn addresses(text: &str) -> Result<GatewayAddresses, String> {
    if text == "auto" {
        return Ok(GatewayAddresses::Auto);
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let addresses = parts.map(|part| match part.starts_with("unix:") {
        true => Err("unix: listen addresses are not in this version yet".to_owned()),
        false => part.parse().map_err(|_| format!("`{}` is not an address and port", part.escape_debug())),
    });
    match addresses.collect::<Result<Vec<SocketAddr>, _>>()? {
        none if none.is_empty() => Err("it names no address".into()),
        addresses => Ok(GatewayAddresses::These(addresses)),
    }
}

/// The proxy's own machine is another one: what is on this one is reached directly, unless the setting says otherwise.
const NO_PROXY: [&str; 2] = ["127.0.0.0/8", "::1"];

fn upstream_proxy(source: &mut Source<'_>) -> Option<UpstreamProxy> {
    let proxy =
        source.parsed("ONECLI_UPSTREAM_PROXY", "http://user:password@proxy.corp:3128", UpstreamProxy::parse);
    let lookups = source.parsed("ONECLI_UPSTREAM_PROXY_DNS", "local or remote", |text| match text {
        "local" => Ok(Lookups::Local),
        "remote" => Ok(Lookups::Remote),
        other => Err(format!("`{}` is neither", other.escape_debug())),
    });
    const DIRECT: &str = "ONECLI_UPSTREAM_NO_PROXY";
    let direct = match source.text(DIRECT) {
        Some(_) => source.list(DIRECT, "127.0.0.0/8,*.corp", str::parse::<AllowPrivate>),
        None => NO_PROXY.iter().filter_map(|network| network.parse().ok()).collect(),
    };
    Some(proxy?.lookups(lookups.unwrap_or_default()).direct(direct))
}
