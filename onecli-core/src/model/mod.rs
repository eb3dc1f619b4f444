//! Plain data: what agents, secrets, rules, settings and audit events are. Nothing here does I/O.

mod agent;
mod condition;
mod event;
mod header_spelling;
mod host;
mod host_pattern;
mod id;
mod injection;
mod parameter_name;
mod path_pattern;
mod path_template;
mod rate_limit;
mod rule;
mod sealed;
mod secret;
mod settings;
mod wildcard;

pub use agent::{Agent, Identifier, InvalidIdentifier, SecretMode};
pub use condition::{Condition, InvalidCondition};
pub use event::{AuditEvent, Decision, EventKind, LimitUse};
pub(crate) use header_spelling::{in_every_spelling, is_same_header, remove_every_spelling};
pub use host::{Host, InvalidHost};
pub use host_pattern::{HostPattern, InvalidHostPattern};
pub use id::{AgentId, ApiKeyId, EventId, GatewayId, RuleId, SecretId};
pub use injection::{Injection, InvalidInjection, Slot, ValueFormat};
pub(crate) use parameter_name::is_same_parameter;
pub use path_pattern::{InvalidPathPattern, PathPattern};
pub use path_template::{InvalidPathTemplate, PathTemplate};
pub use rate_limit::{InvalidRateLimit, RateLimit, Window};
pub use rule::{Action, Rule};
pub use sealed::Sealed;
pub use secret::{Secret, SecretType};
pub use settings::{AllowPrivate, DefaultPolicy, Intercept, InvalidAllowPrivate, PolicySettings};
