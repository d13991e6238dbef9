//! umbel grows many answers from one pretrained text encoder.
#![forbid(unsafe_code)]

pub mod error;
pub mod registry;

pub mod folder;

pub mod hub;

pub mod text;

pub mod task;

pub use error::{Error, Result};
