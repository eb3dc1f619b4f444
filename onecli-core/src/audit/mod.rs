//! The audit log: what is kept of each exchange, and how it gets into the store without loss.
//!
//! A [`Ticket`] is opened when a request is received. Before the request leaves the gateway an *intent* goes to the
//! [journal](Journal); before the end of the response is passed on, a *finish*. The [drain](Recorder::drain) carries
//! finished events into the store. After a crash, an intent without a finish becomes one event `interrupted`.

mod coalesce;
mod drain;
mod frame;
mod fresh;
#[cfg(fuzzing)]
pub mod fuzzing;
mod journal;
mod recorder;
mod segment;
mod ticket;

pub use journal::{Fsync, Journal, JournalError};
pub use recorder::{DrainError, JournalFailure, Recorder};
pub use ticket::{Ending, Ticket};

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;
