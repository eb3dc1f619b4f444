//! The settings of the policy.

use serde::{Deserialize, Serialize};

/// What happens to a request that no rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum DefaultPolicy {
    /// It passes.
    Allow,
    /// It is refused: a request needs a grant.
    Deny,
}

/// Which TLS connections are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "lowercase"))]
pub enum Intercept {
    /// All.
    All,
    /// Those to hosts that a rule or a secret is about; the rest is tunnelled.
    Matched,
}

/// The settings that are part of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct Settings {
    /// What happens to a request that no rule matches.
    pub default_policy: DefaultPolicy,
    /// Which TLS connections are looked into.
    pub intercept: Intercept,
    /// Host patterns whose connections are never looked into: only the host is judged, and no secret is put in.
    pub passthrough_hosts: Vec<String>,
    /// Networks (CIDR) and hosts (`host` or `host:port`) that may be private or loopback destinations.
    pub allow_private: Vec<String>,
    /// For how many days audit events are kept.
    pub audit_retention_days: u32,
}

/// Changes of settings; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "openapi",
    derive(poem_openapi::Object),
    oai(rename_all = "camelCase", deny_unknown_fields, example)
)]
pub struct UpdateSettings {
    /// What happens to a request that no rule matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub default_policy: Option<DefaultPolicy>,
    /// Which TLS connections are looked into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub intercept: Option<Intercept>,
    /// Host patterns whose connections are never looked into: only the host is judged, and no secret is put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub passthrough_hosts: Option<Vec<String>>,
    /// Networks (CIDR) and hosts (`host` or `host:port`) that may be private or loopback destinations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub allow_private: Option<Vec<String>>,
    /// For how many days audit events are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub audit_retention_days: Option<u32>,
}
