//! umbel grows many answers from one pretrained text encoder.
//!
//! Several task heads are trained on a shared sentence embedding; the embedding and every answer come from
//! one pass through the encoder.
//!
//! ```no_run
//! use std::path::Path;
//! use umbel::Model;
//!
//! let model = Model::open(Path::new("model"))?;
//! let predicted = model.predict(&["I LOVE IT!!!!"])?; // Every task, one encoder pass.
//! println!("{:?}", predicted.predictions[0].get("sentiment"));
//! println!("{:?}", predicted.embeddings.row(0)); // The shared embedding.
//!
//! let batch = umbel::text::Batch::new(&model.tokenize(&["two", "texts"])?.texts);
//! let forward = model.forward_inference(&batch); // Every head's raw outputs.
//! println!("{:?}", forward.outputs[0].row(1));
//! # Ok::<(), umbel::Error>(())
//! ```
//!
//! Training starts at [`train::run::run`], a forward pass with gradients at [`nn::Tape::training`] and
//! [`Model::forward`]; a new kind of task implements [`task::Task`].
#![forbid(unsafe_code)]

pub mod error;
pub mod random;
pub mod registry;
pub mod sampling;
pub mod settings;
pub mod spans;
pub mod spool;

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
pub mod distill;
pub mod evaluate;
pub mod predictions;
pub mod report;
pub mod synth;
pub mod train;
pub mod weighting;

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
