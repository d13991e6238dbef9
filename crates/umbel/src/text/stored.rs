//! The tokens of many texts, in memory or in a file.

use super::Tokens;
use crate::error::Result;
use crate::spool::{Spool, SpoolWriter};

/// The tokens of many texts, as a [`Spool`] keeps them.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTokens {
    // Of each text: how many tokens and words it has, how many tokens are left out of pooling, whether token types
    // follow; the ids, the types if any is not 0, and the words, as `CUT_OFF` or one more than their first token.
    numbers: Spool,
}

/// A word that was cut off.
const CUT_OFF: u32 = 0;
/// Numbers before the ids.
const HEADER: usize = 4;

impl StoredTokens {
    /// Keeps the tokens that `tokenize` makes of texts, which it is given in chunks together with how many there were
    /// before.
    ///
    /// # Errors
    /// What `tokenize` says, or that of a file that cannot be written.
    pub fn new<'a>(
        texts: impl Iterator<Item = &'a str>,
        mut tokenize: impl FnMut(&[&str], usize) -> Result<Vec<Tokens>>,
    ) -> Result<Self> {
        const CHUNK: usize = 8192;
        let mut writer = SpoolWriter::default();
        let mut texts = texts.peekable();
        while texts.peek().is_some() {
            let chunk: Vec<&str> = texts.by_ref().take(CHUNK).collect();
            for tokens in tokenize(&chunk, writer.len())? {
                writer.push(bytemuck::cast_slice(&pack(&tokens)))?;
            }
        }
        Ok(Self { numbers: writer.finish()? })
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// True of no texts.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The tokens of a text.
    ///
    /// # Panics
    /// If there are not so many texts.
    pub fn get(&self, text: usize) -> Tokens {
        // A record may begin anywhere in a mapped file, so its numbers are copied.
        let mut numbers = vec![0u32; self.numbers.get(text).len() / size_of::<u32>()];
        bytemuck::cast_slice_mut(&mut numbers).copy_from_slice(self.numbers.get(text));
        unpack(&numbers)
    }

    /// All texts' tokens in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Tokens> {
        (0..self.len()).map(|text| self.get(text))
    }
}

fn pack(tokens: &Tokens) -> Vec<u32> {
    let has_types = tokens.token_type_ids.iter().any(|id| *id != 0);
    let header = [tokens.len(), tokens.words.len(), tokens.n_unpooled, usize::from(has_types)];
    let mut numbers: Vec<u32> = header.iter().map(|&number| number as u32).collect();
    numbers.extend(&tokens.input_ids);
    numbers.extend(tokens.token_type_ids.iter().filter(|_| has_types));
    numbers.extend(tokens.words.iter().map(|word| word.map_or(CUT_OFF, |token| token + 1)));
    numbers
}

fn unpack(numbers: &[u32]) -> Tokens {
    let [n_tokens, n_words, n_unpooled, has_types] = [0, 1, 2, 3].map(|place| numbers[place] as usize);
    let (ids, rest) = numbers[HEADER..].split_at(n_tokens);
    let (types, words) = rest.split_at(has_types * n_tokens);
    assert_eq!(words.len(), n_words, "a record is as long as it says");
    Tokens {
        input_ids: ids.to_vec(),
        token_type_ids: if types.is_empty() { vec![0; n_tokens] } else { types.to_vec() },
        n_unpooled,
        words: words.iter().map(|&word| word.checked_sub(1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_out_as_they_went_in() {
        let plain = Tokens::from(&[5, 6, 7][..]);
        let pair = Tokens { token_type_ids: vec![0, 0, 1], ..plain.clone() };
        let words = Tokens { words: vec![Some(0), None, Some(2)], n_unpooled: 2, ..plain.clone() };
        let four = [plain, pair, words, Tokens::default()];
        let all: Vec<Tokens> = four.iter().cycle().take(120).cloned().collect();
        let mut chunks = Vec::new();
        let stored = StoredTokens::new(std::iter::repeat_n("x", all.len()), |texts, before| {
            chunks.push((texts.len(), before));
            Ok(all[before..before + texts.len()].to_vec())
        });
        let stored = stored.unwrap();
        assert_eq!(stored.iter().collect::<Vec<_>>(), all);
        assert_eq!(chunks, [(120, 0)]);
    }
}
