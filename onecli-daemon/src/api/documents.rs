//! The OpenAPI document and its page.

use poem::{Endpoint, IntoResponse, Response, endpoint::make_sync, http::header};

/// The page is one file with its script in it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                           font-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers with the document.
pub(super) fn document(text: String, content_type: &'static str) -> impl Endpoint {
    make_sync(move |_| text.clone().with_content_type(content_type).into_response())
}

/// Answers with the page.
pub(super) fn page(html: String) -> impl Endpoint {
    // It asks for fonts of another site, which the policy would refuse.
    let own_lines = html.lines().filter(|line| !line.contains("https://fonts."));
    let html = own_lines.collect::<Vec<_>>().join("\n");
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
            .body(html.clone())
    })
}

#[cfg(test)]
mod tests {
    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn the_document_has_every_call_with_its_guard() {
        let api = TestApi::new().await;
        let (status, document) = api.send_locally("GET", "/v1/openapi.json", None).await;
        assert_eq!(status, 200);
        let open = ["getHealth", "getGatewayUrl", "getGatewayCa"];
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.keys().all(|path| path.starts_with("/v1/")));
        let calls: Vec<_> = paths.values().flat_map(|path| path.as_object().unwrap().values()).collect();
        assert_eq!(calls.len(), 30);
        for call in calls {
            let id = call["operationId"].as_str().unwrap();
            assert_eq!(call["security"].is_array(), !open.contains(&id), "{id}");
        }
    }
}
