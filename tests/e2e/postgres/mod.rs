//! PostgreSQL in the place of the embedded store.

mod store;
mod system;
