//! Model folders: their settings, their weights, and the files that sentence-transformers reads.

mod causal;
pub mod config;
pub mod dense;
pub mod disk;
pub mod files;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod paths;
mod safetensors_header;
pub mod sentence;
mod static_folder;

pub mod weights;
pub mod write;
mod write_sentence;
mod write_static;

pub use crate::nn::tensor::{Tensor, Values};
pub use config::{Aliases, Config};
pub use dense::DenseLayer;
pub use sentence::SentenceFolder;
pub use static_folder::Input;
pub use weights::Weights;
pub use write_sentence::write_sentence_folder;
