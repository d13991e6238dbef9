//! The files that make an encoder's folder a sentence-transformers folder, in all their spellings.

use std::path::{Path, PathBuf};

use super::tensor::Tensor;
use crate::error::{Error, Result};

/// What a sentence-transformers folder says beside the encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct SentenceFolder {
    /// Where `config.json`, the weights and the tokenizer are.
    pub transformer_dir: PathBuf,
    /// Names of poolings, in the order in which their results are joined.
    pub poolings: Vec<String>,
    /// False if a prompt's tokens are left out of pooling.
    pub include_prompt: bool,
    /// Projections of the pooled vector, in their order.
    pub dense: Vec<DenseLayer>,
    /// True if the embedding is scaled to length 1.
    pub normalize: bool,
    /// How many tokens of a text are read, if the folder says so.
    pub max_seq_length: Option<usize>,
    /// True if texts are lower-cased first.
    pub do_lower_case: bool,
    /// Names of prompts, and the text that is put before a text.
    pub prompts: Vec<(String, String)>,
    /// The prompt that is used where none is asked for.
    pub default_prompt_name: Option<String>,
    /// How embeddings are meant to be compared: `cosine`, `dot`, ...
    pub similarity: Option<String>,
}

/// A projection: `activation(weight · x + bias)`.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseLayer {
    /// [out × in]
    pub weight: Tensor,
    /// [out]
    pub bias: Option<Tensor>,
    /// `identity`, `tanh`, `relu`, `gelu`, `sigmoid` or `silu`.
    pub activation: String,
}

impl SentenceFolder {
    /// Reads what a folder says; without `modules.json` that is mean pooling and nothing else.
    ///
    /// # Errors
    /// [`Error::Model`] with everything that is wrong.
    pub fn read(dir: &Path) -> Result<Self> {
        Err(Error::model(dir, "cannot be read yet"))
    }
}
