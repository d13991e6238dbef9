//! The mean of the token states: what most sentence encoders are trained with.

use super::{PooledTokens, pool_weighted, weigh_alike};
use crate::nn::{Tape, Var};

/// The mean over the tokens that are kept.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    pool_weighted(tape, states, tokens, |kept, weights| weigh_alike(kept, weights, |n| 1.0 / n))
}
