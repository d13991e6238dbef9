//! The words of a text, and the first token of each.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tokenizer::{Encoded, Tokenizer, TokenizerOptions};
use crate::error::{Error, Result};

/// What the words of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WordRule {
    /// What blanks separate.
    #[default]
    Whitespace,
    /// Letters and digits that stand together; every other character that is no blank is a word of its own, and so is
    /// each Chinese character.
    Punctuation,
}

impl WordRule {
    /// The bytes of each word, from the first to the last.
    pub fn words(self, text: &str) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut open = false;
        for (start, c) in text.char_indices() {
            let end = start + c.len_utf8();
            let joins = !c.is_whitespace() && (self == Self::Whitespace || joins(c));
            match words.last_mut() {
                Some(last) if open && joins => last.end = end,
                _ if !c.is_whitespace() => words.push(start..end),
                _ => {}
            }
            open = joins;
        }
        words
    }
}

/// True of characters that may stand beside others in a word.
fn joins(c: char) -> bool {
    let is_chinese =
        matches!(u32::from(c), 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2fa1f);
    let is_mark = matches!(u32::from(c), 0x300..=0x36f); // An accent that follows its letter.
    (c.is_alphanumeric() && !is_chinese) || is_mark || c == '_'
}

impl Tokenizer {
    /// Turns texts into tokens that know the words of their text, as `rule` says what those are.
    ///
    /// The first `skipped` bytes of each text are no words: a prompt's.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_words(
        &self,
        texts: &[impl AsRef<str> + Sync],
        options: TokenizerOptions,
        (rule, skipped): (WordRule, usize),
    ) -> Result<Encoded> {
        let mut encoded = self.encode(texts, options)?;
        let words = |(row, text): (usize, &str)| {
            let tokens = self
                .explain(text, options)
                .map_err(|error| Error::Text { row: Some(row), problem: error.to_string() })?;
            let offsets: Vec<(usize, usize)> = tokens.iter().map(|token| token.offsets).collect();
            let whole = rule.words(&text[skipped..]);
            let words: Vec<_> = whole.into_iter().map(|at| at.start + skipped..at.end + skipped).collect();
            Ok(first_tokens(&words, &offsets))
        };
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let words: Vec<_> = texts.par_iter().copied().enumerate().map(words).collect::<Result<_>>()?;
        encoded.texts.iter_mut().zip(words).for_each(|(tokens, words)| tokens.words = words);
        Ok(encoded)
    }
}

/// The number of the first token of each word; `None` where no token of it was read.
///
/// `tokens` has the bytes of the text that each token stands for, in the order of the tokens; empty ranges are of
/// tokens that were added.
fn first_tokens(words: &[Range<usize>], tokens: &[(usize, usize)]) -> Vec<Option<u32>> {
    let mut token = 0;
    let mut first = |word: &Range<usize>| {
        while token < tokens.len() && (tokens[token].0 == tokens[token].1 || tokens[token].1 <= word.start) {
            token += 1;
        }
        let found = token < tokens.len() && tokens[token].0 < word.end;
        found.then_some(token as u32)
    };
    words.iter().map(&mut first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: WordRule, text: &str, expected: &[&str]) {
        let found: Vec<&str> = rule.words(text).into_iter().map(|word| &text[word]).collect();
        assert_eq!(found, expected, "{rule:?}");
    }

    #[test]
    fn words_are_what_the_rule_says() {
        check(WordRule::Whitespace, " Don't  stop,\tyes ", &["Don't", "stop,", "yes"]);
        check(
            WordRule::Punctuation,
            "Don't stop, 3.5 é!",
            &["Don", "'", "t", "stop", ",", "3", ".", "5", "é", "!"],
        );
        check(WordRule::Punctuation, "ab中文c", &["ab", "中", "文", "c"]);
        check(WordRule::Whitespace, "", &[]);
    }

    #[test]
    fn a_word_without_a_token_was_not_read() {
        let words = [0..3, 4..9, 10..12];
        let tokens = [(0, 0), (0, 2), (2, 3), (4, 7), (7, 9), (0, 0)];
        assert_eq!(first_tokens(&words, &tokens), [Some(1), Some(3), None]);
        // Byte-level tokens begin with the blank before their word.
        assert_eq!(first_tokens(&words, &[(0, 3), (3, 9), (9, 12)]), [Some(0), Some(1), Some(2)]);
        // Cut at the start.
        assert_eq!(first_tokens(&words, &[(0, 0), (10, 12)]), [None, None, Some(1)]);
    }
}
