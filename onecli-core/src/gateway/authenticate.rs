//! Who sends a request.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, header::PROXY_AUTHORIZATION};
use zeroize::Zeroizing;

use super::{Shared, connection::Tunnel};
use crate::{clock, policy::PolicyAgent, refusal::Cause, store::TokenHash};

/// The agent whose valid token comes with the request, or with which its tunnel was opened.
pub(super) fn authenticate(
    shared: &Shared, tunnel: Option<&Tunnel>, headers: &HeaderMap,
) -> Result<Arc<PolicyAgent>, Cause> {
    let token = match tunnel {
        Some(tunnel) => tunnel.token,
        None => presented(shared, headers).ok_or(Cause::ProxyAuthRequired)?,
    };
    let snapshot = shared.policy.snapshot().map_err(|_| Cause::StoreUnavailable)?;
    let agent = snapshot.agent(&token).filter(|agent| agent.is_active(clock::now()));
    agent.cloned().ok_or(Cause::ProxyAuthRequired)
}

fn presented(shared: &Shared, headers: &HeaderMap) -> Option<TokenHash> {
    let mut values = headers.get_all(PROXY_AUTHORIZATION).into_iter();
    let (only, None) = (values.next()?, values.next()) else { return None };
    token(only).map(|token| shared.vault.hash_token(&token))
}

/// The token of `Bearer TOKEN` or `Basic base64(anything:TOKEN)`; schemes in any case (RFC 9110 11.1).
pub(super) fn token(credentials: &HeaderValue) -> Option<Zeroizing<String>> {
    let text = credentials.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Zeroizing::new(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Zeroizing::new(BASE64.decode(rest.as_bytes()).ok()?);
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(Zeroizing::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::token;

    #[test]
    fn reads_both_schemes_in_any_case() {
        for (header, expected) in [
            ("Bearer aoc_x", Some("aoc_x")),
            ("bEARER aoc_x", Some("aoc_x")),
            ("Basic eDphb2NfeA==", Some("aoc_x")),
            ("BASIC  OmFvY194", Some("aoc_x")),
            ("Basic aoc_x", None),
            ("Basic eA==", None),
            ("Digest aoc_x", None),
            ("aoc_x", None),
            ("", None),
        ] {
            let token = token(&HeaderValue::from_str(header).unwrap());
            assert_eq!(token.as_ref().map(|token| token.as_str()), expected, "{header}");
        }
    }
}
