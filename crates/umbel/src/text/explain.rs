//! Tokens as people want to see them.

use super::guard::guard;
use super::tokenizer::Offsets;
use super::{Tokenizer, TokenizerOptions};
use crate::error::{Error, Result};

/// One token, as people want to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The token as the vocabulary spells it.
    pub token: String,
    /// Its row in the token embedding table.
    pub id: u32,
    /// The bytes of the text it stands for, from and up to; both 0 for a token that was added.
    pub offsets: (usize, usize),
    /// True of a token that was added around the text.
    pub special: bool,
    /// The text it stands in: 0, or 1 for the second of a pair; none for a token that was added.
    pub text: Option<usize>,
}

impl Tokenizer {
    /// The tokens of one text with what they stand for.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn explain(&self, text: &str, options: TokenizerOptions) -> Result<Vec<TokenInfo>> {
        self.explain_both(text, None, options)
    }

    /// The tokens of a pair of texts with what they stand for, cut as [`Tokenizer::encode_pair`] cuts them.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn explain_pair(
        &self,
        first: &str,
        second: &str,
        options: TokenizerOptions,
    ) -> Result<Vec<TokenInfo>> {
        self.explain_both(first, Some(second), options)
    }

    fn explain_both(
        &self,
        text: &str,
        pair: Option<&str>,
        options: TokenizerOptions,
    ) -> Result<Vec<TokenInfo>> {
        self.check_room(pair.is_some(), options)?;
        let encoded = guard(|| self.process(text, pair, options, Offsets::Bytes));
        let (encoding, _) = encoded.map_err(|problem| Error::Text {
            row: None,
            problem: format!("the tokenizer failed: {problem}"),
        })?;
        let texts = encoding.get_sequence_ids();
        let info = |i: usize| {
            let special = encoding.get_special_tokens_mask()[i] == 1;
            TokenInfo {
                token: encoding.get_tokens()[i].clone(),
                id: encoding.get_ids()[i],
                offsets: encoding.get_offsets()[i],
                special,
                text: texts[i].filter(|_| !special),
            }
        };
        Ok((0..encoding.len()).filter(|&i| self.keeps(encoding.get_ids()[i])).map(info).collect())
    }

    /// How the vocabulary spells the token of that id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The tokens with a meaning of their own, as `[CLS]`, and their ids, in the order of these.
    pub fn special_tokens(&self) -> Vec<(u32, String)> {
        let added = self.inner.get_added_tokens_decoder().into_iter();
        let special = added.filter(|(_, token)| token.special).map(|(id, token)| (id, token.content));
        let mut special: Vec<(u32, String)> = special.collect();
        special.sort_unstable();
        special
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokenizer::tests::tokenizer;
    use super::*;

    #[test]
    fn explained_tokens_point_into_the_text() {
        let text = "a é [SEP]";
        let infos = tokenizer("").explain(text, TokenizerOptions::at(9)).unwrap();
        let shown: Vec<_> =
            infos.iter().map(|info| (&info.token[..], &text[info.offsets.0..info.offsets.1])).collect();
        assert_eq!(shown, [("[CLS]", ""), ("a", "a"), ("é", "é"), ("[SEP]", "[SEP]"), ("[SEP]", "")]);
        let special: Vec<bool> = infos.iter().map(|info| info.special).collect();
        assert_eq!(special, [true, false, false, false, true]);
    }

    #[test]
    fn tokens_of_a_pair_know_their_text() {
        let infos = tokenizer("").explain_pair("a b", "c", TokenizerOptions::at(9)).unwrap();
        let texts: Vec<Option<usize>> = infos.iter().map(|info| info.text).collect();
        assert_eq!(texts, [None, Some(0), Some(0), None, Some(1), None]);
        assert_eq!(infos[4].offsets, (0, 1));
    }

    #[test]
    fn special_tokens_are_named_with_their_ids() {
        let tokenizer = tokenizer("");
        assert_eq!(tokenizer.special_tokens(), [(1, "[CLS]".to_string()), (2, "[SEP]".to_string())]);
        assert_eq!((tokenizer.token(0).as_deref(), tokenizer.token(99)), (Some("[PAD]"), None));
    }
}
