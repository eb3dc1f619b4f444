//! PostgreSQL in the place of the embedded store.

mod faults;
mod limits;
mod store;
mod system;
