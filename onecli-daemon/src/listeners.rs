//! The sockets of the gateway and the API.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

use anyhow::{Result, anyhow};

use crate::settings::GatewayAddresses;

const GATEWAY_PORT: u16 = 10255;
/// The interface of Docker's default bridge: what `host.docker.internal` leads to.
const DOCKER_BRIDGE: &str = "docker0";

/// Listens for the gateway.
pub(crate) fn gateway(addresses: &GatewayAddresses) -> Result<Vec<TcpListener>> {
    match addresses {
        GatewayAddresses::These(addresses) => {
            addresses.iter().map(|address| bind(*address, "--gateway-addr")).collect()
        }
        GatewayAddresses::Auto => {
            let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, GATEWAY_PORT));
            let mut listeners = vec![bind(loopback, "--gateway-addr")?];
            if let Some(bridge) = docker_bridge() {
                match bind(SocketAddr::from((bridge, GATEWAY_PORT)), "--gateway-addr") {
                    Ok(listener) => listeners.push(listener),
                    Err(error) => {
                        tracing::warn!(%error, "containers can't reach the gateway by the Docker bridge")
                    }
                }
            }
            Ok(listeners)
        }
    }
}

/// Listens for the API and the dashboard.
pub(crate) fn dashboard(address: SocketAddr) -> Result<TcpListener> {
    bind(address, "--dashboard-addr")
}

fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "port {} at {} is in use by another program; stop it or choose another with {flag}",
            address.port(),
            address.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            anyhow!("{} is no address of this machine; choose another with {flag}", address.ip())
        }
        _ => anyhow!("{address} can't be listened on ({error}); choose another address with {flag}"),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn docker_bridge() -> Option<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let bridge = interfaces.into_iter().filter(|interface| interface.name == DOCKER_BRIDGE);
    bridge.map(|interface| interface.ip()).find_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::dashboard;

    #[test]
    fn an_occupied_port_is_named_with_a_remedy() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let told = dashboard(address).unwrap_err().to_string();
        assert_eq!(
            told,
            format!(
                "port {} at 127.0.0.1 is in use by another program; stop it or choose another with --dashboard-addr",
                address.port()
            )
        );
    }
}
