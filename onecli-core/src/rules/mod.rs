//! The rule engine: says what of a request may pass. The only maker of a [`Permit`].

mod body;
mod conditions;
mod decide;
mod evaluate;
mod facts;
mod forms;
#[cfg(fuzzing)]
pub mod fuzzing;
mod host_forms;
mod permit;
mod running;
mod selection;
mod tunnels;

pub use decide::{Decision, RuleEngine};
pub use evaluate::{Evaluation, Verdict};
pub use facts::Facts;
pub(crate) use facts::METHOD_OVERRIDES;
pub use permit::{Permit, Permitted};
pub use running::{Revocation, Watch};
pub(crate) use tunnels::TunnelPermit;

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;
