//! What is asked about a text.

pub mod targets;

pub use targets::Targets;
