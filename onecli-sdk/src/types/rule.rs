//! Rules: what may pass.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use super::Patch;

/// What a request must be like, and what then happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct Rule {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The hosts that it is about.
    pub host_pattern: String,
    /// The paths that it is about; `null`: all.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub path_pattern: Option<String>,
    /// The method that it is about, if it is exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub method: Option<String>,
    /// The methods that it is about, upper-case; none: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// What else a request must be like; all must hold.
    #[serde(default)]
    pub conditions: Vec<RuleCondition>,
    /// What happens to a request that it matches.
    pub action: RuleAction,
    /// How many requests may pass in a window, for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit: Option<u64>,
    /// The length of the window: `minute`, `hour`, `day` or such as `30s`; for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit_window: Option<String>,
    /// A rule that is not enabled matches nothing.
    pub enabled: bool,
    /// The agent that it is about, with its children; `null`: all.
    #[cfg_attr(feature = "openapi", oai(nullable))]
    pub agent_id: Option<Uuid>,
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was changed last.
    #[serde(with = "rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// What else a request must be like for a rule to match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct RuleCondition {
    /// What it looks at.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", oai(rename = "type"))]
    pub kind: ConditionType,
    /// The header's or the parameter's name; not for `body_contains`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub name: Option<String>,
    /// The text that is looked for; for `query_has` it may be absent, which means any value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub value: Option<String>,
}

/// What a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "snake_case"))]
pub enum ConditionType {
    /// The body holds a text, as sent or in any decoded form.
    BodyContains,
    /// A header has a value.
    HeaderEquals,
    /// A header's value holds a text.
    HeaderContains,
    /// The query has a parameter.
    QueryHas,
}

/// What happens to a request that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "snake_case"))]
pub enum RuleAction {
    /// It is refused.
    Block,
    /// It passes as long as there is room in a window of time, and is granted where the default policy asks for a grant.
    RateLimit,
    /// It is granted, where the default policy asks for a grant.
    Allow,
}

/// A new rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct CreateRule {
    /// Its name.
    pub name: String,
    /// The hosts that it is about, such as `api.example.com`, `*.example.com` or `*`.
    pub host_pattern: String,
    /// The paths that it is about, such as `/v1/*`; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub path_pattern: Option<String>,
    /// The method that it is about; absent, and `methods` too: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub method: Option<String>,
    /// The methods that it is about, in the place of `method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub methods: Option<Vec<String>>,
    /// What else a request must be like; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub conditions: Option<Vec<RuleCondition>>,
    /// What happens to a request that it matches.
    pub action: RuleAction,
    /// How many requests may pass in a window, for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit: Option<u64>,
    /// The length of the window: `minute`, `hour`, `day` or such as `30s`; for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit_window: Option<String>,
    /// A rule that is not enabled matches nothing; absent: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub enabled: Option<bool>,
    /// The agent that it is about, with its children; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub agent_id: Option<Uuid>,
}

/// Changes of a rule; what is absent stays as it is, `null` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct UpdateRule {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub name: Option<String>,
    /// The hosts that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub host_pattern: Option<String>,
    /// The paths that it is about; `null`: all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub path_pattern: Patch<String>,
    /// The method that it is about; `null`: all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub method: Patch<String>,
    /// The methods that it is about; `null` or none: all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub methods: Patch<Vec<String>>,
    /// What else a request must be like; `null` or none: nothing.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub conditions: Patch<Vec<RuleCondition>>,
    /// What happens to a request that it matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub action: Option<RuleAction>,
    /// How many requests may pass in a window, for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit: Option<u64>,
    /// The length of the window: `minute`, `hour`, `day` or such as `30s`; for `rate_limit` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub rate_limit_window: Option<String>,
    /// A rule that is not enabled matches nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub enabled: Option<bool>,
    /// The agent that it is about, with its children; `null`: all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub agent_id: Patch<Uuid>,
}
