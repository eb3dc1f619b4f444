//! The search for a secret where it must not be.

use std::{fs, path::Path};

use data_encoding::{BASE32, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::daemon::Daemon;

/// A secret that is found wherever it turns up.
pub const CANARY: &str = "cnry-9f/Qe+7Zk=2xW~PdLm#Tq";

/// Searches everything that the daemon has written or tells, and `outputs` of clients, for [`CANARY`].
pub async fn assert_no_leak(daemon: &Daemon, outputs: &[&[u8]]) {
    assert_none_leaks(daemon, &[CANARY], outputs).await;
}

/// Searches for each of these secrets, and for the default agent's access token where it is not handed out.
pub async fn assert_none_leaks(daemon: &Daemon, secrets: &[&str], outputs: &[&[u8]]) {
    let token = daemon.token().await;
    let mut places: Vec<(String, Vec<u8>)> = vec![("the daemon's log".into(), daemon.log().into_bytes())];
    files(&daemon.data_dir(), &mut places);
    answers(daemon, &mut places).await;
    for (place, bytes) in &places {
        assert!(!holds(bytes, token.as_bytes()), "an access token is in {place}");
    }
    let config = daemon.get("/v1/container-config").await.to_string();
    places.push(("/v1/container-config".into(), config.into_bytes()));
    places.extend(outputs.iter().map(|output| ("a client's output".into(), output.to_vec())));
    let needles: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    for (place, bytes) in &places {
        for needle in &needles {
            assert!(!holds(bytes, needle.as_bytes()), "a secret is in {place}, as {needle}");
        }
    }
}

/// What every call of the API answers that hands out no token, also for each thing that a list names.
async fn answers(daemon: &Daemon, found: &mut Vec<(String, Vec<u8>)>) {
    let document = daemon.get("/v1/openapi.json").await;
    let paths = document["paths"].as_object().unwrap().iter();
    let gets = paths.filter(|(_, calls)| calls.get("get").is_some()).map(|(path, _)| path.as_str());
    let mut asked: Vec<String> =
        ["/v1/openapi.json", "/v1/openapi.yaml", "/v1/docs", "/v1/audit?limit=1000"].map(Into::into).into();
    for path in gets.filter(|path| !path.ends_with("/container-config")) {
        match path.split_once("{id}") {
            None => asked.push(path.to_owned()),
            Some((list, rest)) => {
                let named = daemon.get(list.trim_end_matches('/')).await;
                let ids = named.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
                asked.extend(ids.map(|id| format!("{list}{id}{rest}")));
            }
        }
    }
    for path in asked {
        let answer = daemon.call(reqwest::Method::GET, &path, None).await;
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        found.push((path, answer.bytes().await.unwrap().to_vec()));
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
    memchr::memmem::find(haystack, needle).is_some()
}
