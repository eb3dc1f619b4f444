//! The daemon alone.
fn main() {}
