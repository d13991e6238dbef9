//! The largest value of each column: keeps what any one token says strongly.

use super::PooledTokens;
use crate::nn::{Tape, Var, ops};

/// The largest value of each column over the tokens that are kept.
pub(super) fn pool(tape: &mut Tape<'_>, states: &Var, tokens: &PooledTokens<'_>) -> Var {
    ops::max_pool(tape, states, tokens.cu_seqlens, tokens.kept)
}
