//! The state of the first token, which BERT-type encoders train to stand for the whole text.

use super::{PooledTokens, pool_weighted};
use crate::nn::{Tape, Var};

/// The state of the first token, also if it is left out otherwise.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    pool_weighted(tape, states, tokens, |_, weights| weights.iter_mut().take(1).for_each(|w| *w = 1.0))
}
