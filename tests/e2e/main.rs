//! The product, end to end: a real daemon, a real TLS service, real clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod attacks;
mod audit_export;
mod bad_input;
mod client_matrix;
mod clients;
mod conditions;
mod crash;
mod exhaustion;
mod faults;
mod first_run;
mod full_disk;
mod gateway_tls;
mod grpc;
mod http2_conformance;
mod identity;
mod injections;
mod large;
mod leaks;
mod limits;
mod policy;
mod postgres;
mod protocols;
mod revocation;
mod soak;
mod store_faults;
mod streaming;
mod tunnels;
mod upstream_proxy;
mod websocket;
