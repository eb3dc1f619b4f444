//! The gateway's settings.

use std::{net::SocketAddr, time::Duration};

use onecli_core::{audit::Fsync, destination::ConnectTo};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::Source;

/// The gateway's settings.
#[derive(Debug)]
pub struct GatewaySettings {
    /// `ONECLI_GATEWAY_ADDR`.
    pub addresses: GatewayAddresses,
    /// `ONECLI_RESOLVE`.
    pub resolve: Vec<ConnectTo>,
    /// The certificates of `ONECLI_UPSTREAM_CA_FILE`.
    pub upstream_roots: Vec<CertificateDer<'static>>,
    /// `ONECLI_AUDIT_FSYNC`.
    pub audit_fsync: Fsync,
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
const LONGEST_DRAIN: u64 = 24 * 60 * 60;

impl GatewaySettings {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        let addresses = source.parsed("ONECLI_GATEWAY_ADDR", "127.0.0.1:10255 or auto", addresses);
        let resolve = source.list("ONECLI_RESOLVE", "api.test:443=127.0.0.1:8443", str::parse::<ConnectTo>);
        let upstream_roots =
            source.parsed("ONECLI_UPSTREAM_CA_FILE", "/etc/ssl/company-root.pem", certificates);
        let audit_fsync = source.parsed("ONECLI_AUDIT_FSYNC", "group or each", |text| match text {
            "group" => Ok(Fsync::Group),
            "each" => Ok(Fsync::Each),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        let drain = source.parsed("ONECLI_DRAIN_SECONDS", "30", |text| match text.parse::<u64>() {
            Ok(seconds) if seconds <= LONGEST_DRAIN => Ok(Duration::from_secs(seconds)),
            _ => Err(format!("`{}` is not a number of seconds up to a day", text.escape_debug())),
        });
        Some(Self {
            addresses: addresses.unwrap_or(GatewayAddresses::Auto),
            resolve,
            upstream_roots: upstream_roots.unwrap_or_default(),
            audit_fsync: audit_fsync.unwrap_or_default(),
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

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| format!("`{path}` can't be read ({error})"))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("`{path}` holds no certificate in PEM")),
        Err(error) => Err(format!("`{path}` is not valid PEM ({error:?})")),
    }
}
