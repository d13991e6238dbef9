//! Model folders: their settings, their weights, and the files that sentence-transformers reads.

pub mod config;
pub mod dense;
pub mod files;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod paths;
mod safetensors_header;
pub mod sentence;

pub mod weights;
pub mod write;
mod write_sentence;

pub use crate::nn::tensor::{Tensor, Values};
pub use config::{Aliases, Config};
pub use dense::DenseLayer;
pub use sentence::SentenceFolder;
pub use weights::Weights;
pub use write_sentence::write_sentence_folder;
