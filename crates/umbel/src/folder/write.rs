//! Files that appear whole or not at all.

use std::path::Path;

use super::sentence::SentenceFolder;
use crate::error::{Error, Result};

/// A tensor to be written: its name, sizes and numbers.
pub type NamedTensor<'a> = (String, Vec<usize>, &'a [f32]);

/// Writes a file beside `path` and renames it to `path` once it is safely on disk.
///
/// # Errors
/// [`Error::Io`]; what was at `path` before is then still there.
pub fn write_file(path: &Path, _bytes: &[u8]) -> Result<()> {
    Err(Error::model(path, "cannot be written yet"))
}

/// Writes tensors as safetensors; the same tensors and metadata give the same bytes.
///
/// # Errors
/// [`Error::Io`]; what was at `path` before is then still there.
pub fn write_safetensors(
    path: &Path,
    _tensors: &[NamedTensor<'_>],
    _metadata: &[(&str, &str)],
) -> Result<()> {
    Err(Error::model(path, "cannot be written yet"))
}

/// Writes all of a sentence-transformers folder but the encoder's weights.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read or written.
pub fn write_sentence_folder(dir: &Path, _sentence: &SentenceFolder, _hidden_size: usize) -> Result<()> {
    Err(Error::model(dir, "cannot be written yet"))
}
