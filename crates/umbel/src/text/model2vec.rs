//! What model2vec does to texts and tokens beside tokenising (`StaticModel.encode`).

use std::path::Path;

use serde::Deserialize;

use super::{Tokenizer, TokenizerConfig, Truncation};
use crate::error::{Error, Result};

/// What model2vec does to texts and tokens beside tokenising.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model2Vec {
    /// The unknown token, which never counts.
    pub(super) unk_id: Option<u32>,
    // The median of the tokens' lengths, in letters.
    median_length: usize,
}

/// `tokenizer.json`, of which only the unknown token is wanted.
#[derive(Deserialize)]
struct File {
    model: FileModel,
}

#[derive(Deserialize)]
struct FileModel {
    unk_token: Option<String>,
    unk_id: Option<u32>, // of Unigram, which has no `unk_token`
}

impl Tokenizer {
    /// Takes texts as model2vec does: the unknown token is left out, and texts that are cut are cut to a number of
    /// letters first. `dir` is where the tokenizer was read from.
    ///
    /// # Errors
    /// [`Error::Model`] if `tokenizer.json` cannot be read.
    pub fn as_model2vec(mut self, dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let read = Model2Vec::read(&bytes, &self.inner);
        self.model2vec = Some(read.map_err(|error| Error::model(&path, error.to_string()))?);
        self.config = TokenizerConfig::default();
        Ok(self)
    }

    /// False of a token that is left out of every text.
    pub(super) fn keeps(&self, id: u32) -> bool {
        self.model2vec.is_none_or(|model2vec| model2vec.unk_id != Some(id))
    }
}

impl Model2Vec {
    /// What there is to know of the tokenizer in a file.
    pub(super) fn read(bytes: &[u8], tokenizer: &tokenizers::Tokenizer) -> serde_json::Result<Self> {
        let File { model } = serde_json::from_slice(bytes)?;
        let unk_id = match model.unk_token {
            Some(token) => tokenizer.token_to_id(&token),
            None => model.unk_id,
        };
        let mut lengths: Vec<usize> =
            tokenizer.get_vocab(true).into_keys().map(|token| token.chars().count()).collect();
        lengths.sort_unstable();
        let middle = |i: usize| lengths.get(i).copied().unwrap_or_default();
        let n = lengths.len();
        Ok(Self { unk_id, median_length: (middle(n.saturating_sub(1) / 2) + middle(n / 2)) / 2 })
    }

    /// The part of a text that is tokenised: so many letters as tokens of the median length would have.
    pub(super) fn clip<'a>(&self, text: &'a str, truncation: Truncation) -> &'a str {
        let Truncation::At(max_length) = truncation else { return text };
        let n_letters = max_length.saturating_mul(self.median_length);
        text.char_indices().nth(n_letters).map_or(text, |(end, _)| &text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(model: &str) -> Model2Vec {
        let bytes = format!(r#"{{"version": "1.0", "added_tokens": [], "model": {model}}}"#);
        Model2Vec::read(bytes.as_bytes(), &tokenizers::Tokenizer::from_bytes(&bytes).unwrap()).unwrap()
    }

    #[test]
    fn the_unknown_token_and_the_median_length_are_those_of_the_file() {
        let words = read(
            r#"{"type": "WordLevel", "vocab": {"a": 0, "bé": 1, "<u>": 2, "long": 3}, "unk_token": "<u>"}"#,
        );
        assert_eq!((words.unk_id, words.median_length), (Some(2), 2)); // of 1, 2, 3 and 4: 2.5, rounded down
        let pieces =
            read(r#"{"type": "Unigram", "unk_id": 1, "vocab": [["a", -1.0], ["<unk>", 0.0], ["b", -2.0]]}"#);
        assert_eq!((pieces.unk_id, pieces.median_length), (Some(1), 1));
        assert_eq!(read(r#"{"type": "Unigram", "unk_id": null, "vocab": [["a", -1.0]]}"#).unk_id, None);
        assert_eq!(
            read(r#"{"type": "BPE", "unk_token": null, "vocab": {"a": 0}, "merges": []}"#).unk_id,
            None
        );
    }

    #[test]
    fn texts_are_clipped_between_letters() {
        let model2vec = Model2Vec { unk_id: None, median_length: 2 };
        assert_eq!(model2vec.clip("éa🙂bc", Truncation::At(2)), "éa🙂b");
        assert_eq!(model2vec.clip("éa🙂b", Truncation::At(2)), "éa🙂b");
        assert_eq!(model2vec.clip("éa🙂bc", Truncation::Off), "éa🙂bc");
    }
}
