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
            "row {} has {} tokens, but the encoder reads at most {max_positions}; \
             turn truncation on or split the text",
            row + 1,
            texts[row].len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_sentence_files_win_and_the_encoder_caps() {
        let check = |sentence: Option<usize>, tokenizer: Option<usize>, expected: usize| {
            let sentence =
                SentenceFolder { max_seq_length: sentence, ..SentenceFolder::plain(Path::new("")) };
            let tokenizer = TokenizerConfig { model_max_length: tokenizer, ..TokenizerConfig::default() };
            assert_eq!(max_length(&sentence, &tokenizer, 512), expected);
        };
        check(Some(256), Some(128), 256);
        check(None, Some(128), 128);
        check(None, None, 512);
        check(Some(1024), Some(128), 512);
    }

    #[test]
    fn a_text_that_is_too_long_is_named_by_its_row() {
        let texts = [Tokens::from(&[1, 2][..]), Tokens::from(&[1, 2, 3][..])];
        assert!(check_lengths(&texts, 3).is_ok());
        let error = check_lengths(&texts, 2).unwrap_err().to_string();
        assert!(error.starts_with("row 2 has 3 tokens, but the encoder reads at most 2"), "{error}");
    }
}
