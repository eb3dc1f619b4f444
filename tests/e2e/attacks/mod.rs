//! What must be tried against a gateway. `tests/attacks.md` is the table of it, made from these modules.

mod destinations;
mod framing;
mod headers;
mod http2;
mod names;
mod table;
mod upstream_tls;
