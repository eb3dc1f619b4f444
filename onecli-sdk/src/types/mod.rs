//! The wire types of the API, for its client and for the daemon.
//!
//! With the cargo feature `openapi` they also carry the derives from which the daemon makes its OpenAPI document.

mod agent;
mod audit;
mod container_config;
mod error_body;
#[cfg(feature = "openapi")]
mod examples;
mod gateway;
mod health;
mod patch;
mod rule;
mod secret;
mod sensitive;
mod settings;

pub use agent::{
    AccessTokenAnswer, Agent, AgentSecrets, CreateAgent, SecretMode, SetSecretMode, UpdateAgent,
};
pub use audit::{AuditDecision, AuditEvent, AuditFormat, AuditKind, AuditLimit, AuditQuery};
pub use container_config::{ContainerConfig, CredentialStub};
pub use error_body::ErrorBody;
pub use gateway::{Gateway, GatewayUrl};
pub use health::Health;
pub use patch::Patch;
pub use rule::{ConditionType, CreateRule, Rule, RuleAction, RuleCondition, UpdateRule};
pub use secret::{CreateSecret, InjectionConfig, Secret, SecretType, UpdateSecret};
pub use sensitive::{AccessToken, SecretInput};
pub use settings::{DefaultPolicy, Intercept, Settings, UpdateSettings};
