//! What an agent should know of the gateway.

use poem_openapi::{
    OpenApi,
    payload::{PlainText, Response},
};

use super::{Topic, auth::Viewer};

pub(super) struct SkillCalls;

const TEXT: &str = include_str!("skill.md");
const MARKDOWN: &str = "text/markdown; charset=utf-8";

#[OpenApi(prefix_path = "/v1", tag = "Topic::Gateway")]
impl SkillCalls {
    /// How an agent works behind the gateway, as markdown
    ///
    /// It has the front matter of a skill file, so that it can be given to a coding agent as it is.
    #[oai(path = "/skill/gateway", method = "get", operation_id = "getGatewaySkill")]
    async fn gateway(&self, _guard: Viewer) -> Response<PlainText<&'static str>> {
        Response::new(PlainText(TEXT)).header("content-type", MARKDOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::TEXT;
    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn it_is_markdown_under_both_prefixes() {
        let api = TestApi::new().await;
        let key = api.key(onecli_core::store::Role::Viewer).await;
        for path in ["/v1/skill/gateway", "/api/skill/gateway"] {
            assert_eq!(api.send_as(&key, "GET", path, None).await, (200, TEXT.into()));
            assert_eq!(api.send_as("", "GET", path, None).await.0, 401);
        }
    }
}
