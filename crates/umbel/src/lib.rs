//! umbel grows many answers from one pretrained text encoder.
#![forbid(unsafe_code)]

pub mod error;
pub mod registry;

pub mod data;
pub mod metric;
pub mod random;
pub mod synth;

pub mod text;

pub mod task;

pub use error::{Error, Result};
