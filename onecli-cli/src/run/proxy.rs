//! The proxy's address in a command's environment.

use anyhow::Context;
use url::Url;

/// `proxy` with its user and token, but at the address of `gateway`: a container's way to the gateway is not this
/// machine's. The port is always written: tools differ in what they take for it.
pub(super) fn at_gateway(proxy: &str, gateway: &str) -> anyhow::Result<String> {
    // The address carries a token, so no message shows it.
    let proxy = Url::parse(proxy).ok().context("the daemon named a proxy that is no URL")?;
    let gateway = Url::parse(gateway).with_context(|| {
        format!("the daemon says that its gateway is at `{}`, which is no URL", gateway.escape_debug())
    })?;
    let (Some(host), Some(port)) = (gateway.host_str(), gateway.port_or_known_default()) else {
        anyhow::bail!("the daemon says that its gateway is at `{gateway}`, which names no host and port");
    };
    let user = match (proxy.username(), proxy.password()) {
        ("", None) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(password)) => format!("{user}:{password}@"),
    };
    Ok(format!("{}://{user}{host}:{port}", gateway.scheme()))
}

/// The token in a proxy's address.
pub(super) fn token(proxy: &str) -> Option<String> {
    Url::parse(proxy).ok()?.password().filter(|token| !token.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{at_gateway, token};

    #[test]
    fn the_address_is_the_gateways_and_the_token_stays() {
        let proxy = "http://x:aoc_1-2_3@host.docker.internal:10255";
        for (gateway, expected) in [
            ("http://127.0.0.1:10255", "http://x:aoc_1-2_3@127.0.0.1:10255"),
            ("http://127.0.0.1:41234/", "http://x:aoc_1-2_3@127.0.0.1:41234"),
            ("https://gateway.example.com", "https://x:aoc_1-2_3@gateway.example.com:443"),
            ("http://[::1]:80", "http://x:aoc_1-2_3@[::1]:80"),
        ] {
            assert_eq!(at_gateway(proxy, gateway).unwrap(), expected);
        }
        assert_eq!(token(proxy).as_deref(), Some("aoc_1-2_3"));
    }

    #[test]
    fn no_message_shows_the_token() {
        for (proxy, gateway) in [("http://x:aoc_1@ b", "http://a:1"), ("http://x:aoc_1@b", "no url")] {
            let error = at_gateway(proxy, gateway).unwrap_err();
            assert!(!format!("{error:?}").contains("aoc_1"), "{error:?}");
        }
    }
}
