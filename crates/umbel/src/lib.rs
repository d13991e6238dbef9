//! umbel grows many answers from one pretrained text encoder.
#![forbid(unsafe_code)]

pub mod error;
pub mod random;
pub mod registry;
pub mod settings;

pub mod nn;

pub mod folder;
pub mod hub;
pub mod text;

pub mod encoder;
pub mod pooling;

pub mod metric;
pub mod task;

pub mod model;

pub mod check;
pub mod data;
pub mod evaluate;
pub mod predictions;
pub mod synth;
pub mod train;

pub use error::{Error, Result};
pub use model::Model;

/// Computes with so many threads from now on; call it before anything else.
///
/// # Errors
/// If computing has begun already.
pub fn set_threads(n_threads: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build_global();
    pool.map_err(|error| Error::Settings(format!("`threads` cannot be {n_threads}: {error}")))
}
