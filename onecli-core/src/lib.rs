//! The agent vault as a library.

pub mod admin;
pub mod audit;
pub mod ca;
pub mod clock;
pub mod destination;
pub mod exchange;
pub mod gateway;
pub mod model;
pub mod policy;
pub mod refusal;
pub mod rules;
pub mod store;
pub mod target;
pub mod vault;

/// An error with its causes, in one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
