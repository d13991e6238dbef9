//! The sum of the token states over the square root of their number: a mean that grows with the text.

use super::{PooledTokens, pool_weighted, weigh_alike};
use crate::nn::{Tape, Var};

/// The sum over the tokens that are kept, divided by the square root of their number.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    pool_weighted(tape, states, tokens, |kept, weights| weigh_alike(kept, weights, |n| 1.0 / n.sqrt()))
}
