//! Client and wire types of the OneCLI API.

pub mod types;
