//! Where the API and the dashboard are, and how the gateway is reached.

use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use super::Source;

/// Where the API and the dashboard are, and how the gateway is reached.
#[derive(Clone, Debug)]
pub struct ServingSettings {
    /// `ONECLI_DASHBOARD_ADDR`.
    pub address: SocketAddr,
    /// `APP_URL`.
    pub app_url: Option<Url>,
    /// `ONECLI_ALLOWED_HOSTS`, in lower case.
    pub allowed_hosts: Vec<String>,
    /// `ONECLI_GATEWAY_BASE_URL`: host and port.
    pub gateway_base_url: Option<String>,
    /// `ONECLI_GATEWAY_PUBLIC_URL`.
    pub gateway_public_url: Option<Url>,
}

const DASHBOARD: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10254);

impl ServingSettings {
    pub(super) fn read(source: &mut Source<'_>) -> Option<Self> {
        let address = source.parsed("ONECLI_DASHBOARD_ADDR", "127.0.0.1:10254", |text| {
            text.parse::<SocketAddr>()
                .map_err(|_| format!("`{}` is not an address and port", text.escape_debug()))
        });
        let app_url = source.parsed("APP_URL", "https://onecli.example.com", web_url);
        let allowed_hosts = source.list("ONECLI_ALLOWED_HOSTS", "onecli.internal,10.0.0.5", host);
        let gateway_base_url =
            source.parsed("ONECLI_GATEWAY_BASE_URL", "host.docker.internal:10255", host_and_port);
        let gateway_public_url =
            source.parsed("ONECLI_GATEWAY_PUBLIC_URL", "http://gateway.example.com:10255", web_url);
        let insecure = source.parsed("ONECLI_INSECURE_HTTP", "1 or 0", |text| match text {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            other => Err(format!("`{}` is neither", other.escape_debug())),
        });
        let address = address.unwrap_or(DASHBOARD);
        let is_secure = app_url.as_ref().is_some_and(|url| url.scheme() == "https");
        if !address.ip().is_loopback() && !is_secure && insecure != Some(true) {
            source.fault(format!(
                "ONECLI_DASHBOARD_ADDR: {address} is open to other machines, and keys would travel to it in clear; put TLS in front \
                 and set APP_URL, such as https://onecli.example.com, or set ONECLI_INSECURE_HTTP=1"
            ));
        }
        Some(Self { address, app_url, allowed_hosts, gateway_base_url, gateway_public_url })
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    let shown = || format!("`{}` is not an http or https URL", text.escape_debug());
    let url = Url::parse(text).map_err(|_| shown())?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() {
        true => Ok(url),
        false => Err(shown()),
    }
}

fn host(text: &str) -> Result<String, String> {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match text.bytes().all(is_host) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!("`{}` is not a host name", text.escape_debug())),
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let authority = text.parse::<http::uri::Authority>().ok();
    match authority.filter(|authority| authority.port_u16().is_some() && !text.contains('@')) {
        Some(authority) => Ok(authority.to_string()),
        None => Err(format!("`{}` is not a host and port alone", text.escape_debug())),
    }
}
