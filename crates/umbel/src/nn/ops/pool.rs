//! One row for each sequence, from the rows of its tokens.

use crate::nn::{Matrix, Tape, Var};

/// For each sequence the sum of its tokens' rows, each times the token's weight. [texts × hidden]
///
/// A sequence without tokens gives zeros.
pub fn weighted_pool(tape: &mut Tape<'_>, states: &Var, cu_seqlens: &[usize], weights: Vec<f32>) -> Var {
    assert_eq!(weights.len(), states.rows(), "one weight a token");
    let mut pooled = Matrix::zeros(cu_seqlens.len() - 1, states.cols());
    for (text, ends) in cu_seqlens.windows(2).enumerate() {
        let row = pooled.row_mut(text);
        for token in (ends[0]..ends[1]).filter(|&token| weights[token] != 0.0) {
            let (weight, state) = (weights[token], states.row(token));
            row.iter_mut().zip(state).for_each(|(sum, x)| *sum += weight * x);
        }
    }

    let (slot, cu_seqlens) = (states.slot(), cu_seqlens.to_vec());
    tape.record(pooled, slot.is_some(), move |d_pooled, grads| {
        let mut d_states = Matrix::scratch(weights.len(), d_pooled.cols());
        for (text, ends) in cu_seqlens.windows(2).enumerate() {
            let d_sum = d_pooled.row(text);
            for (token, weight) in (ends[0]..ends[1]).zip(&weights[ends[0]..ends[1]]) {
                let d_state = d_states.row_mut(token).iter_mut();
                d_state.zip(d_sum).for_each(|(d, d_sum)| *d = weight * d_sum);
            }
        }
        grads.give(slot, d_states);
    })
}

/// For each sequence and column the largest value of the tokens whose `kept` is true. [texts × hidden]
///
/// A sequence without such tokens gives zeros. Of equal values the first gets the gradient, as in
/// `torch.max`.
pub fn max_pool(tape: &mut Tape<'_>, states: &Var, cu_seqlens: &[usize], kept: &[bool]) -> Var {
    let hidden = states.cols();
    let mut pooled = Matrix::zeros(cu_seqlens.len() - 1, hidden);
    let mut winners = vec![usize::MAX; pooled.data().len()]; // [texts × hidden]
    for (text, ends) in cu_seqlens.windows(2).enumerate() {
        let (row, winners) = (pooled.row_mut(text), &mut winners[text * hidden..][..hidden]);
        for token in (ends[0]..ends[1]).filter(|&token| kept[token]) {
            for (column, &x) in states.row(token).iter().enumerate() {
                if winners[column] == usize::MAX || x > row[column] {
                    (row[column], winners[column]) = (x, token);
                }
            }
        }
    }

    let (slot, n_tokens) = (states.slot(), states.rows());
    tape.record(pooled, slot.is_some(), move |d_pooled, grads| {
        let mut d_states = Matrix::zeros(n_tokens, hidden);
        for (i, &token) in winners.iter().enumerate().filter(|(_, token)| **token != usize::MAX) {
            d_states.row_mut(token)[i % hidden] += d_pooled.data()[i];
        }
        grads.give(slot, d_states);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    const ENDS: [usize; 4] = [0, 3, 3, 5];

    #[test]
    fn gradients() {
        let weights = [0.5, 0.0, 2.0, 1.0, 0.25];
        check_gradient(random(5, 2), |tape, x| weighted_pool(tape, x, &ENDS, weights.to_vec()));
        check_gradient(random(5, 2), |tape, x| max_pool(tape, x, &ENDS, &[true; 5]));
    }

    #[test]
    fn pools_keep_to_their_sequences_and_a_text_without_tokens_is_zero() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let states = tape.constant(Matrix::from_vec(5, 1, vec![-1., -2., -3., 4., 6.]));
        let mean = weighted_pool(&mut tape, &states, &ENDS, vec![1. / 3., 1. / 3., 1. / 3., 0.5, 0.5]);
        let max = max_pool(&mut tape, &states, &ENDS, &[false, true, true, true, true]);
        assert_eq!(mean.data(), [-2., 0., 5.]);
        assert_eq!(max.data(), [-2., 0., 6.]);
    }
}
