//! How many tokens of a text are read.

use super::{TokenizerConfig, Tokens};
use crate::error::{Error, Result};
use crate::folder::SentenceFolder;

/// How many tokens of a text are read: what the folder says, at most what the encoder can.
///
/// `max_seq_length` of the sentence-transformers files wins over `model_max_length` of the tokenizer's.
pub fn max_length(sentence: &SentenceFolder, tokenizer: &TokenizerConfig, max_positions: usize) -> usize {
    let said = sentence.max_seq_length.or(tokenizer.model_max_length);
    said.unwrap_or(max_positions).min(max_positions)
}

/// Refuses texts that are longer than the encoder can read.
///
/// # Errors
/// [`Error::Text`] with the first such row, counted from 1.
pub fn check_lengths(texts: &[Tokens], max_positions: usize) -> Result<()> {
    match texts.iter().position(|tokens| tokens.len() > max_positions) {
        None => Ok(()),
        Some(row) => Err(Error::Text(format!(
            "row {} has {} tokens, but the encoder reads at most {max_positions}; turn truncation on or split the text",
            row + 1,
            texts[row].len()
        ))),
    }
}
