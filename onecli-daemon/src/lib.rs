//! The OneCLI daemon: gateway and API in one process. [`start`] runs it.

mod announce;
mod api;
mod daemon;
mod data_dir;
mod gateway_service;
mod hardening;
mod listeners;
mod logging;
mod owner_key;
mod presence;
mod renewal;
mod retention;
pub mod settings;
mod start;
mod waiting;

pub use start::start;
