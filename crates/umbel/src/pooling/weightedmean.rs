//! The mean with weights 1, 2, 3, … (SGPT, Muennighoff 2022): later tokens of a causal encoder know more.

use super::{PooledTokens, pool_weighted};
use crate::nn::{Tape, Var};

/// The mean over the tokens that are kept, the `i`-th token of the text counting `i` times.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    pool_weighted(tape, states, tokens, |kept, weights| {
        let kept = || kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(i, _)| i);
        let total: usize = kept().map(|i| i + 1).sum();
        kept().for_each(|i| weights[i] = (i + 1) as f32 / total as f32);
    })
}
