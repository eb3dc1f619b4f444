//! The search for a secret where it must not be.

use std::{fs, path::Path};

use data_encoding::{BASE32, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::daemon::Daemon;

/// A secret that is found wherever it turns up.
pub const CANARY: &str = "cnry-9f/Qe+7Zk=2xW~PdLm#Tq";

/// Searches everything that the daemon has written or tells, and `outputs` of clients.
pub async fn assert_no_leak(daemon: &Daemon, outputs: &[&[u8]]) {
    let needles = forms(CANARY);
    let token = daemon.token().await;
    let mut places: Vec<(String, Vec<u8>)> = vec![("the daemon's log".into(), daemon.log().into_bytes())];
    files(&daemon.data_dir(), &mut places);
    for path in [
        "/v1/health",
        "/v1/agents",
        "/v1/secrets",
        "/v1/rules",
        "/v1/audit?limit=1000",
        "/v1/settings",
        "/v1/openapi.json",
    ] {
        let text = daemon.call(reqwest::Method::GET, path, None).await.text().await.unwrap();
        places.push((path.into(), text.into_bytes()));
    }
    for (place, bytes) in &places {
        assert!(!holds(bytes, token.as_bytes()), "an access token is in {place}");
    }
    places.extend(outputs.iter().map(|output| ("a client's output".into(), output.to_vec())));
    for (place, bytes) in &places {
        for needle in &needles {
            assert!(!holds(bytes, needle.as_bytes()), "the secret is in {place}, as {needle}");
        }
    }
}

/// The secret as it is, and as encodings would show it.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let json = serde_json::to_string(secret).unwrap();
    // Base64 of a text that has the secret at any offset.
    let inside = (0..3).map(|offset| {
        let padded = [&vec![0; offset][..], bytes].concat();
        let text = BASE64_NOPAD.encode(&padded);
        text[4..text.len() - 4].to_owned()
    });
    let mut forms = vec![
        secret.to_owned(),
        BASE64.encode(bytes).trim_end_matches('=').to_owned(),
        BASE64URL_NOPAD.encode(bytes),
        BASE32.encode(bytes).trim_end_matches('=').to_owned(),
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        percent.to_ascii_lowercase(),
        percent,
        json.trim_matches('"').to_owned(),
        format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
    ];
    forms.extend(inside);
    forms
}

fn files(directory: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
