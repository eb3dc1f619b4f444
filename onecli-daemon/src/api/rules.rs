//! Rules: what may pass.

use std::sync::Arc;

use onecli_core::{
    admin::{NewRule, RuleChange},
    model::{self, AgentId, Condition, InvalidRateLimit, RateLimit, RuleId},
};
use onecli_sdk::types::{ConditionType, CreateRule, Patch, Rule, RuleAction, RuleCondition, UpdateRule};
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    Topic,
    auth::{Admin, Viewer},
    backend::Backend,
    body::Body,
    error::Problem,
    secrets::cleared_or_set,
};

pub(super) struct RuleCalls;

#[derive(ApiResponse)]
enum Created {
    /// The rule.
    #[oai(status = 201)]
    Rule(Json<Rule>),
}

#[derive(ApiResponse)]
enum Deleted {
    /// It is gone.
    #[oai(status = 204)]
    Gone,
}

#[OpenApi(prefix_path = "/v1", tag = "Topic::Rules")]
impl RuleCalls {
    /// All rules, oldest first
    #[oai(path = "/rules", method = "get", operation_id = "listRules")]
    async fn list(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>,
    ) -> Result<Json<Vec<Rule>>, Problem> {
        Ok(Json(backend.admin.rules().await?.into_iter().map(wire).collect()))
    }

    /// Makes a rule
    ///
    /// It is in force when the call returns.
    #[oai(path = "/rules", method = "post", operation_id = "createRule")]
    async fn create(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Body(new): Body<CreateRule>,
    ) -> Result<Created, Problem> {
        if new.method.is_some() && new.methods.is_some() {
            return Err(one_of_two());
        }
        let new = NewRule {
            name: new.name,
            host_pattern: new.host_pattern,
            path_pattern: new.path_pattern,
            methods: new.methods.unwrap_or_else(|| new.method.into_iter().collect()),
            conditions: conditions(new.conditions.unwrap_or_default())?,
            action: action(new.action, new.rate_limit, new.rate_limit_window.as_deref())?,
            enabled: new.enabled.unwrap_or(true),
            agent_id: new.agent_id.map(AgentId),
        };
        Ok(Created::Rule(Json(wire(backend.admin.create_rule(new).await?))))
    }

    /// One rule
    #[oai(path = "/rules/:id", method = "get", operation_id = "getRule")]
    async fn get(
        &self, _guard: Viewer, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
    ) -> Result<Json<Rule>, Problem> {
        Ok(Json(wire(backend.admin.rule(RuleId(id)).await?)))
    }

    /// Changes a rule
    #[oai(path = "/rules/:id", method = "patch", operation_id = "updateRule")]
    async fn update(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
        Body(change): Body<UpdateRule>,
    ) -> Result<Json<Rule>, Problem> {
        let methods = match (change.method, change.methods) {
            (Patch::Keep, Patch::Keep) => None,
            (Patch::Keep, Patch::Set(methods)) => Some(methods),
            (Patch::Set(method), Patch::Keep) => Some(vec![method]),
            (Patch::Clear, Patch::Keep) | (_, Patch::Clear) => Some(Vec::new()),
            (_, Patch::Set(_)) => return Err(one_of_two()),
        };
        let action = match (change.action, change.rate_limit, change.rate_limit_window) {
            (None, None, None) => None,
            (named, requests, window) => {
                let current = wire(backend.admin.rule(RuleId(id)).await?);
                let named = named.unwrap_or(current.action);
                // What is not named is kept, as long as it still is a limit.
                let kept = Some(current).filter(|_| named == RuleAction::RateLimit);
                let requests = requests.or(kept.as_ref().and_then(|rule| rule.rate_limit));
                let window = window.or(kept.and_then(|rule| rule.rate_limit_window));
                Some(action(named, requests, window.as_deref())?)
            }
        };
        let change = RuleChange {
            name: change.name,
            host_pattern: change.host_pattern,
            path_pattern: cleared_or_set(change.path_pattern),
            methods,
            conditions: match change.conditions {
                Patch::Keep => None,
                Patch::Clear => Some(Vec::new()),
                Patch::Set(given) => Some(conditions(given)?),
            },
            action,
            enabled: change.enabled,
            agent_id: cleared_or_set(change.agent_id).map(|id| id.map(AgentId)),
        };
        Ok(Json(wire(backend.admin.update_rule(RuleId(id), change).await?)))
    }

    /// Deletes a rule
    #[oai(path = "/rules/:id", method = "delete", operation_id = "deleteRule")]
    async fn delete(
        &self, _guard: Admin, Data(backend): Data<&Arc<Backend>>, Path(id): Path<Uuid>,
    ) -> Result<Deleted, Problem> {
        backend.admin.delete_rule(RuleId(id)).await?;
        Ok(Deleted::Gone)
    }
}

fn one_of_two() -> Problem {
    Problem::refused("give method or methods, one of the two")
}

fn action(action: RuleAction, requests: Option<u64>, window: Option<&str>) -> Result<model::Action, Problem> {
    let refused = |error: InvalidRateLimit| Problem::refused(error.to_string());
    match action {
        RuleAction::RateLimit => {
            let requests = requests.ok_or_else(|| refused(InvalidRateLimit::Requests))?;
            let window = window.ok_or(InvalidRateLimit::Window).and_then(str::parse).map_err(refused)?;
            Ok(model::Action::RateLimit(RateLimit::new(requests, window).map_err(refused)?))
        }
        _ if requests.is_some() || window.is_some() => {
            Err(Problem::refused("rateLimit and rateLimitWindow go with the action rate_limit alone"))
        }
        RuleAction::Block => Ok(model::Action::Block),
        RuleAction::Allow => Ok(model::Action::Allow),
    }
}

fn conditions(given: Vec<RuleCondition>) -> Result<Vec<Condition>, Problem> {
    given.into_iter().map(condition).collect()
}

fn condition(given: RuleCondition) -> Result<Condition, Problem> {
    let refused = |text: &str| Err(Problem::refused(text.to_owned()));
    match (given.kind, given.name, given.value) {
        (ConditionType::BodyContains, None, Some(value)) => Ok(Condition::BodyContains { value }),
        (ConditionType::BodyContains, ..) => refused("a condition body_contains has a value and no name"),
        (ConditionType::HeaderEquals, Some(name), Some(value)) => Ok(Condition::HeaderEquals { name, value }),
        (ConditionType::HeaderEquals, ..) => refused("a condition header_equals has a name and a value"),
        (ConditionType::HeaderContains, Some(name), Some(value)) => {
            Ok(Condition::HeaderContains { name, value })
        }
        (ConditionType::HeaderContains, ..) => refused("a condition header_contains has a name and a value"),
        (ConditionType::QueryHas, Some(name), value) => Ok(Condition::QueryHas { name, value }),
        (ConditionType::QueryHas, None, _) => {
            refused("a condition query_has has a name, and may have a value")
        }
    }
}

fn wire_condition(condition: Condition) -> RuleCondition {
    let (kind, name, value) = match condition {
        Condition::BodyContains { value } => (ConditionType::BodyContains, None, Some(value)),
        Condition::HeaderEquals { name, value } => (ConditionType::HeaderEquals, Some(name), Some(value)),
        Condition::HeaderContains { name, value } => (ConditionType::HeaderContains, Some(name), Some(value)),
        Condition::QueryHas { name, value } => (ConditionType::QueryHas, Some(name), value),
    };
    RuleCondition { kind, name, value }
}

fn wire(rule: model::Rule) -> Rule {
    Rule {
        id: rule.id.0,
        name: rule.name,
        host_pattern: rule.host_pattern.to_string(),
        path_pattern: Some(rule.path_pattern).filter(|path| !path.is_any()).map(|path| path.to_string()),
        method: match rule.methods.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        methods: rule.methods,
        conditions: rule.conditions.into_iter().map(wire_condition).collect(),
        action: match rule.action {
            model::Action::Block => RuleAction::Block,
            model::Action::RateLimit(_) => RuleAction::RateLimit,
            model::Action::Allow => RuleAction::Allow,
        },
        rate_limit: rule.action.rate_limit().map(|limit| limit.requests().into()),
        rate_limit_window: rule.action.rate_limit().map(|limit| limit.window().to_string()),
        enabled: rule.enabled,
        agent_id: rule.agent_id.map(|id| id.0),
        created_at: rule.created_at,
        updated_at: rule.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::testing::TestApi;

    #[tokio::test]
    async fn rules_are_kept_and_changed() {
        let api = TestApi::new().await;
        let new = json!({"name": "No deletes", "hostPattern": "API.github.com", "method": "delete", "action": "block"});
        let (status, rule) = api.send_locally("POST", "/v1/rules", Some(new)).await;
        assert_eq!(status, 201, "{rule}");
        assert_eq!(
            (&rule["methods"], &rule["hostPattern"], &rule["enabled"]),
            (&json!(["DELETE"]), &json!("api.github.com"), &json!(true))
        );
        let path = format!("/v1/rules/{}", rule["id"].as_str().unwrap());
        let (_, changed) =
            api.send_locally("PATCH", &path, Some(json!({"methods": null, "enabled": false}))).await;
        assert_eq!((&changed["methods"], &changed["enabled"]), (&json!([]), &json!(false)));
        let conditions = json!([{"type": "header_contains", "name": "x-mode", "value": "a"}, {"type": "query_has", "name": "q"}]);
        let (_, changed) = api.send_locally("PATCH", &path, Some(json!({"conditions": conditions}))).await;
        assert_eq!(changed["conditions"], conditions);
        let (_, changed) = api.send_locally("PATCH", &path, Some(json!({"conditions": null}))).await;
        assert_eq!(changed["conditions"], json!([]));
        assert_eq!(api.send_locally("DELETE", &path, None).await.0, 204);
        assert_eq!(api.send_locally("DELETE", &path, None).await.0, 404);
    }

    #[tokio::test]
    async fn a_limit_is_changed_in_parts() {
        let api = TestApi::new().await;
        let new = json!({"name": "x", "hostPattern": "x", "action": "rate_limit", "rateLimit": 20, "rateLimitWindow": "60s"});
        let (status, rule) = api.send_locally("POST", "/v1/rules", Some(new)).await;
        assert_eq!(
            (status, &rule["rateLimit"], &rule["rateLimitWindow"]),
            (201, &json!(20), &json!("minute"))
        );
        let path = format!("/v1/rules/{}", rule["id"].as_str().unwrap());
        let (_, changed) = api.send_locally("PATCH", &path, Some(json!({"rateLimit": 5}))).await;
        assert_eq!((&changed["rateLimit"], &changed["rateLimitWindow"]), (&json!(5), &json!("minute")));
        let (_, changed) = api.send_locally("PATCH", &path, Some(json!({"action": "block"}))).await;
        assert_eq!((&changed["action"], changed.get("rateLimit")), (&json!("block"), None));
    }

    #[tokio::test]
    async fn refuses_with_the_right_status() {
        let api = TestApi::new().await;
        for (new, status) in [
            (json!({"name": "x", "hostPattern": "https://x", "action": "block"}), 422),
            (json!({"name": "x", "hostPattern": "x", "action": "explode"}), 400),
            (
                json!({"name": "x", "hostPattern": "x", "action": "block", "conditions": [{"type": "body_contains"}]}),
                422,
            ),
            (
                json!({"name": "x", "hostPattern": "x", "action": "block", "conditions": [{"type": "moon_is", "value": "full"}]}),
                400,
            ),
            (
                json!({"name": "x", "hostPattern": "x", "action": "block", "conditions": [{"type": "header_equals", "name": "Host", "value": "x"}]}),
                422,
            ),
            (json!({"name": "x", "hostPattern": "x", "action": "block", "method": "A B"}), 422),
            (json!({"name": "x", "hostPattern": "x", "action": "rate_limit"}), 422),
            (
                json!({"name": "x", "hostPattern": "x", "action": "rate_limit", "rateLimit": 0, "rateLimitWindow": "day"}),
                422,
            ),
            (
                json!({"name": "x", "hostPattern": "x", "action": "rate_limit", "rateLimit": 1, "rateLimitWindow": "year"}),
                422,
            ),
            (json!({"name": "x", "hostPattern": "x", "action": "block", "rateLimit": 1}), 422),
            (
                json!({"name": "x", "hostPattern": "x", "action": "block", "method": "A", "methods": ["B"]}),
                422,
            ),
        ] {
            assert_eq!(api.send_locally("POST", "/v1/rules", Some(new.clone())).await.0, status, "{new}");
        }
    }
}
