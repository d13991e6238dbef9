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
/// [`Error::Text`] with the first such row.
pub fn check_lengths(texts: &[Tokens], max_positions: usize) -> Result<()> {
    match texts.iter().position(|tokens| tokens.len() > max_positions) {
        None => Ok(()),
        Some(row) => Err(Error::Text { row: Some(row), problem: too_long(texts[row].len(), max_positions) }),
    }
}

/// What is wrong with a text of so many tokens.
pub(crate) fn too_long(n_tokens: usize, max_positions: usize) -> String {
    format!(
        "{n_tokens} tokens, but the encoder reads at most {max_positions}; \
         turn truncation on or split the text"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::folder::Config;
    use crate::folder::fixtures::{json, shared};

    #[test]
    fn the_length_is_that_of_sentence_transformers() {
        let Some(root) = shared("parity/fixtures/st") else { return };
        let cases = json(&root.join("expected.json"))["cases"].as_array().unwrap().clone();
        for case in cases.iter().filter(|case| case["expect"] == "equal") {
            let dir = root.join(case["dir"].as_str().unwrap());
            let sentence = SentenceFolder::read(&dir).unwrap();
            let tokenizer = TokenizerConfig::read(&sentence.transformer_dir).unwrap();
            let config = Config::read(&sentence.transformer_dir.join("config.json")).unwrap();
            let max_positions = config.usize("max_position_embeddings").unwrap();
            assert_eq!(
                case["max_seq_length"],
                max_length(&sentence, &tokenizer, max_positions),
                "{}",
                dir.display()
            );
        }
    }

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
        assert!(error.starts_with("row 2: 3 tokens, but the encoder reads at most 2"), "{error}");
    }
}
