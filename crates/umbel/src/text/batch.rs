//! Token sequences laid end to end, and the collator that lays them so.

use std::ops::Range;

use crate::spans::Spans;

/// Token sequences laid end to end, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    input_ids: Vec<u32>,
    // Invariant: as long as `input_ids`.
    token_type_ids: Vec<u32>,
    // Invariant: starts at 0, never decreases, ends at `input_ids.len()`.
    cu_seqlens: Vec<usize>,
    // Invariant: as long as `input_ids`.
    kept: Vec<bool>,
    words: WordTokens,
}

/// The words of some texts, by the first token of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordTokens {
    /// The words of each text.
    pub spans: Spans,
    /// The first token of each word, counted over all texts; `None` where it was not read.
    pub tokens: Vec<Option<usize>>,
}

/// The tokens of one text, as the encoder reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Rows of the token embedding table.
    pub input_ids: Vec<u32>,
    /// Rows of the token type table, as many as `input_ids`; all 0 but in the second text of a pair.
    pub token_type_ids: Vec<u32>,
    /// So many tokens at the start are read but left out of pooling, as those of a prompt; usually 0.
    pub n_unpooled: usize,
    /// The number of the first token of each word, if a head asks for words; `None` where the word was cut off.
    pub words: Vec<Option<u32>>,
}

impl Tokens {
    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// True of a text without any token.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}

impl From<&[u32]> for Tokens {
    fn from(input_ids: &[u32]) -> Self {
        Self {
            input_ids: input_ids.to_vec(),
            token_type_ids: vec![0; input_ids.len()],
            n_unpooled: 0,
            words: Vec::new(),
        }
    }
}

impl Batch {
    /// Lays `sequences` end to end, in their order.
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a Tokens>) -> Self {
        let (input_ids, token_type_ids, kept, words) = Default::default();
        let mut batch = Self { input_ids, token_type_ids, cu_seqlens: vec![0], kept, words };
        for tokens in sequences {
            assert_eq!(tokens.input_ids.len(), tokens.token_type_ids.len(), "one token type a token");
            let start = batch.input_ids.len();
            batch.words.spans.push(tokens.words.len());
            batch
                .words
                .tokens
                .extend(tokens.words.iter().map(|token| token.map(|token| start + token as usize)));
            batch.input_ids.extend_from_slice(&tokens.input_ids);
            batch.token_type_ids.extend_from_slice(&tokens.token_type_ids);
            batch.cu_seqlens.push(batch.input_ids.len());
            batch.kept.extend((0..tokens.len()).map(|i| i >= tokens.n_unpooled));
        }
        batch
    }

    /// How many sequences there are.
    pub fn len(&self) -> usize {
        self.cu_seqlens.len() - 1
    }

    /// True of a batch without sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tokens there are in all.
    pub fn n_tokens(&self) -> usize {
        self.input_ids.len()
    }

    /// The token ids of all sequences.
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// The token type of each token.
    pub fn token_type_ids(&self) -> &[u32] {
        &self.token_type_ids
    }

    /// Where each token stands in its own sequence, from 0.
    pub fn position_ids(&self) -> Vec<u32> {
        self.spans().flat_map(|span| 0..span.len() as u32).collect()
    }

    /// Where each sequence starts and, as the next one's start, ends.
    pub fn cu_seqlens(&self) -> &[usize] {
        &self.cu_seqlens
    }

    /// Whether each token is pooled.
    pub fn kept(&self) -> &[bool] {
        &self.kept
    }

    /// The words of each sequence, if its tokens know them.
    pub fn words(&self) -> &WordTokens {
        &self.words
    }

    /// The rows of each sequence.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        self.cu_seqlens.windows(2).map(|ends| ends[0]..ends[1])
    }
}

/// Groups `lengths` into batches of at most `token_budget` tokens, sequences of like length together.
///
/// Returns the indices of each batch, longest sequences first. A sequence longer than the budget is a
/// batch of its own.
pub fn by_token_budget(lengths: &[usize], token_budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lengths[i]), i));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for i in order {
        if batches.is_empty() || lengths[i] > room {
            batches.push(Vec::new());
            room = token_budget.max(lengths[i]);
        }
        room -= lengths[i];
        batches.last_mut().expect("one was just pushed").push(i);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_lays_sequences_end_to_end() {
        let texts: Vec<Tokens> = [&[5, 6, 7][..], &[], &[8]].map(Tokens::from).to_vec();
        let batch = Batch::new(&texts);
        assert_eq!(batch.input_ids(), [5, 6, 7, 8]);
        assert_eq!(batch.cu_seqlens(), [0, 3, 3, 4]);
        assert_eq!(batch.position_ids(), [0, 1, 2, 0]);
        assert_eq!(batch.spans().collect::<Vec<_>>(), [0..3, 3..3, 3..4]);
        assert_eq!((batch.len(), batch.n_tokens()), (3, 4));
    }

    #[test]
    fn batches_keep_to_the_token_budget() {
        let lengths = [3, 9, 4, 2, 20];
        let batches = by_token_budget(&lengths, 10);
        assert_eq!(batches, [vec![4], vec![1], vec![2, 0, 3]]);
    }
}
