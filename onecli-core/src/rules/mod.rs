//! The rule engine: says what of a request may pass. The only maker of a [`Permit`].

mod decide;
mod evaluate;
mod facts;
mod forms;
mod permit;
mod selection;

pub use decide::{Decision, RuleEngine};
pub use evaluate::{Evaluation, Verdict};
pub use facts::Facts;
pub use permit::{Permit, Permitted};

#[cfg(test)]
mod tests;
