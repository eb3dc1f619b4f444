//! A private index: files of a directory, for who knows the credentials.

use std::{fs, path::Path, sync::Arc};

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use crate::origin::{Handler, plain, whole};

/// Serves the files of `directory` to requests with this `authorization`.
pub fn file_server(directory: &Path, authorization: String) -> Handler {
    let root = directory.to_owned();
    Arc::new(move |request| {
        if request.header("authorization") != Some(&authorization) {
            return plain(StatusCode::UNAUTHORIZED, "who are you?");
        }
        let mut file = root.join(request.uri.path().trim_start_matches('/'));
        if file.is_dir() {
            file.push("index.html");
        }
        let Ok(content) = fs::read(&file) else { return plain(StatusCode::NOT_FOUND, "no such file") };
        let kind = match file.extension().and_then(|end| end.to_str()) {
            Some("html") => "text/html",
            Some(_) => "application/octet-stream",
            None => "application/json",
        };
        let mut response = Response::new(whole(content));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    })
}
