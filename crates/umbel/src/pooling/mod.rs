//! One vector a text, from the states of its tokens. A pooling a file.
//!
//! To add one: a file with a function of the type [`Pooling`], and its line in [`POOLINGS`].

mod cls;
mod lasttoken;
mod max;
mod mean;
mod mean_sqrt_len;
mod weightedmean;

use crate::nn::{Tape, Var, ops};
use crate::registry::Registry;

/// The tokens that are pooled.
pub struct PooledTokens<'a> {
    /// Where each sequence starts and, as the next one's start, ends.
    pub cu_seqlens: &'a [usize],
    /// False for tokens that are left out, as those of a prompt; one a token.
    pub kept: &'a [bool],
}

/// Turns token states [tokens × hidden] into one vector a text [texts × hidden].
pub type Pooling = fn(&mut Tape<'_>, &Var, &PooledTokens<'_>) -> Var;

/// All poolings, by the names that sentence-transformers gives them.
pub static POOLINGS: Registry<Pooling> = Registry {
    kind: "pooling",
    entries: &[
        ("cls", cls::pool),
        ("max", max::pool),
        ("mean", mean::pool),
        ("mean_sqrt_len", mean_sqrt_len::pool),
        ("weightedmean", weightedmean::pool),
        ("lasttoken", lasttoken::pool),
    ],
};

/// Pools with weights that `weights` gives the tokens of each sequence.
///
/// It is given which of the sequence's tokens are kept, and writes one weight each; they are zeros before.
fn pool_weighted(
    tape: &mut Tape<'_>,
    states: &Var,
    tokens: &PooledTokens<'_>,
    weights: impl Fn(&[bool], &mut [f32]),
) -> Var {
    let mut all = vec![0.0; states.rows()];
    for ends in tokens.cu_seqlens.windows(2) {
        let span = ends[0]..ends[1];
        weights(&tokens.kept[span.clone()], &mut all[span]);
    }
    ops::weighted_pool(tape, states, tokens.cu_seqlens, all)
}

/// Gives each kept token the same weight, `of` their number.
fn weigh_alike(kept: &[bool], weights: &mut [f32], of: impl Fn(f32) -> f32) {
    let n = kept.iter().filter(|&&kept| kept).count();
    let weight = of(n as f32);
    weights.iter_mut().zip(kept).filter(|(_, kept)| **kept).for_each(|(w, _)| *w = weight);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Matrix, Params};

    /// Pools two texts of states 2, 4, 9 and 8; the first token of the first one is left out.
    fn check(name: &str, expected: [f32; 2]) {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let states = tape.constant(Matrix::from_vec(4, 1, vec![2., 4., 9., 8.]));
        let tokens = PooledTokens { cu_seqlens: &[0, 3, 4], kept: &[false, true, true, true] };
        let pooled = POOLINGS.find(name).unwrap()(&mut tape, &states, &tokens);
        for (found, expected) in pooled.data().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{name}: {found} != {expected}");
        }
    }

    #[test]
    fn tokens_left_out_do_not_count() {
        check("cls", [2., 8.]); // The first token is the first token, as in sentence-transformers.
        check("max", [9., 8.]);
        check("mean", [6.5, 8.]);
        check("mean_sqrt_len", [13. / 2f32.sqrt(), 8.]);
        check("weightedmean", [(2. * 4. + 3. * 9.) / 5., 8.]);
        check("lasttoken", [9., 8.]);
    }
}
