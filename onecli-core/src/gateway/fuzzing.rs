//! What fuzzers call here: who sends a request, and where it is to go.

use http::{HeaderName, HeaderValue, Request, uri::Scheme};

use super::{
    authenticate,
    connection::Tunnel,
    receive::{self, Place},
};
use crate::{model::Host, store::TokenHash};

/// Reads proxy credentials. A token that was written as a client would is read back.
#[allow(clippy::panic, clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn proxy_authorization(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let _ = authenticate::token(&value);
    let Some(text) = value.to_str().ok().filter(|text| text.trim_matches(' ') == *text) else { return };
    let basic = data_encoding::BASE64.encode(format!("x:{text}").as_bytes());
    for credentials in [format!("Bearer {text}"), format!("basic {basic}")] {
        let read = HeaderValue::from_str(&credentials).ok().and_then(|value| authenticate::token(&value));
        assert_eq!(read.as_ref().map(|token| token.as_str()), Some(text), "{credentials}");
    }
}

/// Reads a request: method, target and header fields, a line each. What is taken names one place, and is sent there.
#[allow(clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn request_target(text: &str) {
    let mut lines = text.lines();
    let (Some(method), Some(uri)) = (lines.next(), lines.next()) else { return };
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let field = (HeaderName::try_from(name), HeaderValue::from_str(value));
        if let (Ok(name), Ok(value)) = field {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(()) else { return };
    let (head, ()) = request.into_parts();
    let Ok(host) = Host::parse("api.test") else { return };
    let tunnel =
        Tunnel { token: TokenHash([0; 32]), host, port: 443, scheme: Scheme::HTTPS, other_sni: false };
    for tunnel in [None, Some(&tunnel)] {
        let Ok(target) = receive::target(tunnel, &head) else { continue };
        if let Some(tunnel) = tunnel {
            assert!(target.host == tunnel.host && target.port == tunnel.port, "{target:?}");
        }
        let sent = Place::parse(&target.authority(), target.port);
        let same = sent.is_ok_and(|place| place.host == target.host && place.port == target.port);
        assert!(same, "the authority that is sent names another place: {target:?}");
        let again = Host::parse(&target.host.uri_form());
        assert!(again.is_ok_and(|again| again == target.host), "{target:?}");
    }
}
