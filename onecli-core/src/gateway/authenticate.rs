//! Who sends a request.

use std::sync::Arc;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, header::PROXY_AUTHORIZATION};
use zeroize::Zeroizing;

use super::{Shared, connection::Connection, guesses};
use crate::{clock, policy::PolicyAgent, refusal::Cause, store::TokenHash};

/// The agent whose valid token comes with the request, or with which its tunnel was opened.
pub(super) fn authenticate(
    shared: &Shared, connection: &Connection, headers: &HeaderMap,
) -> Result<Arc<PolicyAgent>, Cause> {
    let snapshot = shared.policy.snapshot().map_err(|_| Cause::StoreUnavailable)?;
    let valid = |token: &TokenHash| snapshot.agent(token).filter(|agent| agent.is_active(clock::now()));
    if let Some(tunnel) = &connection.tunnel {
        return valid(&tunnel.token).cloned().ok_or(Cause::ProxyAuthRequired);
    }
    let Some(presented) = presented(headers)? else { return Err(Cause::ProxyAuthRequired) };
    let token = shared.vault.hash_token(&presented);
    match valid(&token) {
        Some(agent) => Ok(Arc::clone(agent)),
        None if shared.guesses.is_too_many(connection.peer.ip()) => {
            Err(Cause::TooManyAttempts { retry_after_seconds: guesses::TIME.as_secs() })
        }
        None => Err(Cause::ProxyAuthRequired),
    }
}

/// The token that came with the request. Many clients send the first request without any.
fn presented(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, Cause> {
    let mut values = headers.get_all(PROXY_AUTHORIZATION).into_iter();
    match (values.next(), values.next()) {
        (Some(only), None) => token(only).map(Some).ok_or(Cause::ProxyAuthRequired),
        (Some(_), Some(_)) => Err(Cause::ProxyAuthRequired),
        (None, _) => Ok(None),
    }
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
