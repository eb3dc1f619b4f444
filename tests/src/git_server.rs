//! A real git server: `git http-backend` behind the origin, with Basic credentials asked for.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::origin::{Handler, Received, ServiceBody, plain, whole};

/// Serves the repositories of a directory to who knows the credentials.
pub fn git_server(repositories: &Path, authorization: String) -> Handler {
    let root = repositories.to_owned();
    Arc::new(move |request| {
        if request.header("authorization") != Some(&authorization) {
            let mut response = plain(StatusCode::UNAUTHORIZED, "who are you?");
            response
                .headers_mut()
                .insert("www-authenticate", HeaderValue::from_static("Basic realm=\"git\""));
            return response;
        }
        serve(&root, &request)
    })
}

/// Makes an empty repository that takes pushes.
pub fn init(repository: &Path) {
    let git = |arguments: &[&str]| {
        let status = Command::new("git").args(arguments).current_dir(repository).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    std::fs::create_dir_all(repository).unwrap();
    git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
    git(&["config", "http.receivepack", "true"]);
}

/// The CGI protocol (RFC 3875).
fn serve(root: &Path, request: &Received) -> Response<ServiceBody> {
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", request.uri.path())
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", request.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "agent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = backend.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let output = backend.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").expect("a CGI head");
    let mut response = Response::new(whole(output[end + 4..].to_vec()));
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(':').unwrap();
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.trim()[..3].parse().unwrap();
        } else {
            let name = HeaderName::try_from(name.to_owned()).unwrap();
            response.headers_mut().append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
    }
    response
}
