//! Client and wire types of the OneCLI API.
//!
//! ```no_run
//! # async fn example() -> Result<(), onecli_sdk::Error> {
//! let client = onecli_sdk::Client::discover()?;
//! for agent in client.agents().await? {
//!     println!("{}", agent.identifier);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
pub mod types;

pub use client::{AuditPage, Client, ClientBuilder, Discovery, Error};
