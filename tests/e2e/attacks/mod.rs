//! What must be tried against a gateway. `tests/attacks.md` is the table of it.

mod destinations;
mod framing;
mod headers;
