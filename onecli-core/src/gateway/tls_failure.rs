//! What is wrong with a service's TLS, in words for people.

use rustls::{CertificateError, Error, pki_types::UnixTime};
use time::OffsetDateTime;

/// A certificate may name hundreds of hosts.
const NAMES_SHOWN: usize = 5;

/// Why the service's TLS handshake failed.
pub(super) fn said(error: &Error) -> String {
    let Error::InvalidCertificate(certificate) = error else { return error.to_string() };
    match certificate {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate has expired, on {}", date(*not_after))
        }
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let date = date(*not_before);
            format!("its certificate is not valid yet, but from {date} on; or this machine's clock is wrong")
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("its certificate is for {}, not for {}", names(presented), expected.to_str())
        }
        CertificateError::NotValidForName => "its certificate is for another host".to_owned(),
        CertificateError::UnknownIssuer => {
            "its certificate is signed by itself or by an authority that is not trusted".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not for servers".to_owned()
        }
        CertificateError::Revoked => "its certificate is revoked".to_owned(),
        CertificateError::BadSignature => "its certificate's signature is not valid".to_owned(),
        // webpki's words for a certificate that may sign others.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is an authority's own; the service needs one that is signed by it".to_owned()
        }
        CertificateError::Other(other) => format!("its certificate is not valid: {other}"),
        other => format!("its certificate is not valid: {other}"),
    }
}

fn date(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).ok();
    let date = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    date.map_or_else(|| "a day that can't be told".to_owned(), |date| date.date().to_string())
}

/// The names come as `DnsName("a.test")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let shown: Vec<String> = presented.iter().take(NAMES_SHOWN).map(bare).collect();
    match (shown.is_empty(), presented.len().saturating_sub(shown.len())) {
        (true, _) => "no host at all".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}
