//! What must be tried against a gateway. `tests/attacks.md` is the table of it, made from these modules.

mod destinations;
mod framing;
mod headers;
mod http2;
mod names;
mod single_agents;
mod single_requests;
mod table;
mod upstream_tls;
