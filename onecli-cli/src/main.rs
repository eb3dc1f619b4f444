//! The `onecli` command.
fn main() {}
