//! From text to packed token sequences.

pub mod batch;

pub use batch::{Batch, Tokens};
