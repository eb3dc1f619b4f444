//! What stands before every call: Host, size, paths, and the form of errors.

use std::net::SocketAddr;

use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
};
use url::Url;

use super::{
    auth::LocalPeer,
    body::{self, LONGEST},
    error,
};

/// Stands before every call and answers errors as JSON.
pub(crate) struct Front<E> {
    inner: E,
    hosts: AllowedHosts,
}

impl<E> Front<E> {
    pub(crate) fn new(inner: E, hosts: AllowedHosts) -> Self {
        Self { inner, hosts }
    }
}

impl<E: Endpoint> Endpoint for Front<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let checked = self.check(&request);
        rewrite_path(&mut request);
        presume_json(&mut request);
        let answered = match checked {
            Ok(()) => self.inner.call(request).await.map(IntoResponse::into_response),
            Err(error) => Err(error),
        };
        let mut response = answered.unwrap_or_else(error::answer);
        seal(response.headers_mut());
        Ok(response)
    }
}

impl<E> Front<E> {
    fn check(&self, request: &Request) -> Result<()> {
        if request.data::<LocalPeer>().is_none()
            && !host(request).is_some_and(|host| self.hosts.allow(host.host()))
        {
            return Err(poem::Error::from_response(error::refusal(
                StatusCode::MISDIRECTED_REQUEST,
                "this daemon is not known under that Host; use localhost or APP_URL, or add the name to ONECLI_ALLOWED_HOSTS",
            )));
        }
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match length.is_some_and(|length: usize| length > LONGEST) {
            true => Err(body::too_long()),
            false => Ok(()),
        }
    }
}

/// Under which name the caller reached us.
pub(crate) fn host(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.original_uri().authority() {
        return Some(authority.clone());
    }
    request.headers().get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// The Host names that are ours. A page of another site that has its name resolve to this machine has none of them.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(crate) fn new(address: SocketAddr, app_url: Option<&Url>, others: &[String]) -> Self {
        let always = ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"];
        let mut hosts: Vec<String> = always.into_iter().map(str::to_owned).collect();
        hosts.extend(app_url.and_then(Url::host_str).map(str::to_ascii_lowercase));
        hosts.extend_from_slice(others);
        if !address.ip().is_unspecified() {
            hosts.push(match address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            });
        }
        Self(hosts)
    }

    fn allow(&self, host: &str) -> bool {
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// `/api/…` is `/v1/…`.
fn rewrite_path(request: &mut Request) {
    let Some(rest) = request.uri().path().strip_prefix("/api/") else { return };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(uri) = format!("/v1/{rest}{query}").parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

/// A script that sends a key, or speaks over the local socket, means JSON even if it does not say so. A browser's form
/// can do neither.
fn presume_json(request: &mut Request) {
    let is_script =
        request.headers().contains_key(header::AUTHORIZATION) || request.data::<LocalPeer>().is_some();
    let has_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let says_json = request.content_type().is_some_and(|content_type| content_type.contains("json"));
    if is_script && has_body && !says_json {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
    }
}

/// Nothing of the API is for caches: answers may hold tokens.
fn seal(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[cfg(test)]
mod tests {
    use poem::http::StatusCode;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn every_error_is_json_with_a_remedy() {
        let api = TestApi::new().await;
        for (method, path, status) in [
            ("GET", "/v1/nothing", 404),
            ("GET", "/", 404),
            ("PUT", "/v1/agents", 405),
            ("GET", "/v1/secrets/not-an-id", 400),
            ("GET", "/v1/audit?limit=many", 400),
        ] {
            let (found, body) = api.send_locally(method, path, None).await;
            assert_eq!(found, status, "{method} {path}");
            assert!(body["error"].as_str().is_some_and(|text| text.len() > 10), "{method} {path}: {body}");
        }
    }

    #[tokio::test]
    async fn a_strange_host_is_misdirected() {
        let api = TestApi::new().await;
        for (host, status) in [
            ("localhost:1", StatusCode::OK),
            ("[::1]:10254", StatusCode::OK),
            ("app.example.com", StatusCode::OK),
            ("evil.test", StatusCode::MISDIRECTED_REQUEST),
            ("", StatusCode::MISDIRECTED_REQUEST),
        ] {
            let request = poem::Request::builder().uri_str("/v1/health").header("host", host).finish();
            assert_eq!(api.call(request).await.status(), status, "{host}");
        }
    }

    #[tokio::test]
    async fn both_prefixes_lead_to_the_calls_and_bodies_are_bounded() {
        let api = TestApi::new().await;
        assert_eq!(api.send_locally("GET", "/api/agents", None).await.0, 200);
        let long = serde_json::json!({ "name": "x".repeat(1 << 20), "identifier": "x" });
        assert_eq!(api.send_locally("POST", "/v1/agents", Some(long)).await.0, 413);
    }
}
