//! The state of the last token: the only one that has seen the whole text in a causal encoder.

use super::{PooledTokens, pool_weighted};
use crate::nn::{Tape, Var};

/// The state of the last token that is kept.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    pool_weighted(tape, states, tokens, |kept, weights| {
        if let Some(last) = kept.iter().rposition(|&kept| kept) {
            weights[last] = 1.0;
        }
    })
}
