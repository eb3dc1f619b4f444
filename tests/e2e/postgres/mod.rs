//! PostgreSQL in the place of the embedded store.

mod faults;
mod store;
mod system;
