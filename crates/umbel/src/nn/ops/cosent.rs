//! The CoSENT loss of cosines whose order is known (Su 2022; `CoSENTLoss` of sentence-transformers).

use crate::nn::{Matrix, Tape, Var};

/// `log(1 + Σ exp(scale · (x_j − x_i)))` over all pairs of rows with `score_i > score_j`. [n × 1] → [1 × 1]
///
/// Rows whose score is `None` do not count. The largest exponent is taken out first, so that nothing overflows.
pub fn cosent(tape: &mut Tape<'_>, x: &Var, scores: &[Option<f32>], scale: f32) -> Var {
    assert_eq!((x.rows(), x.cols()), (scores.len(), 1), "one score a cosine");
    let known: Vec<(usize, f32)> =
        scores.iter().enumerate().filter_map(|(row, score)| Some((row, (*score)?))).collect();
    let exponent = |i: usize, j: usize| f64::from(scale) * f64::from(x.data()[j] - x.data()[i]);
    let pairs = || {
        let pair =
            |&(i, a): &(usize, f32)| known.iter().filter(move |(_, b)| a > *b).map(move |&(j, _)| (i, j));
        known.iter().flat_map(pair)
    };
    let largest = pairs().map(|(i, j)| exponent(i, j)).fold(0.0, f64::max);
    let sum = (-largest).exp() + pairs().map(|(i, j)| (exponent(i, j) - largest).exp()).sum::<f64>();
    let loss = largest + sum.ln();

    let mut gradient = vec![0.0; x.rows()];
    for (i, j) in pairs() {
        let share = f64::from(scale) * (exponent(i, j) - largest).exp() / sum;
        gradient[j] += share;
        gradient[i] -= share;
    }
    let gradient: Vec<f32> = gradient.into_iter().map(|d| d as f32).collect();
    let slot = x.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let d_x = gradient.iter().map(|d| d * d_loss.data()[0]).collect();
        grads.give(slot, Matrix::from_vec(gradient.len(), 1, d_x));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    const SCORES: [Option<f32>; 5] = [Some(0.2), Some(5.0), None, Some(0.2), Some(1.0)];

    #[test]
    fn gradients() {
        check_gradient(random(5, 1), |tape, x| cosent(tape, x, &SCORES, 2.0));
    }

    /// Expected value: `sentence_transformers.sentence_transformer.losses.CoSENTLoss` on these cosines.
    #[test]
    fn the_loss_is_that_of_sentence_transformers() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(5, 1, vec![0.9, 0.1, 0.0, -0.2, 0.4]));
        let found = cosent(&mut tape, &x, &SCORES, 20.0).item();
        assert!((found - EXPECTED).abs() < 1e-5, "found {found}");
    }

    const EXPECTED: f32 = 16.002_52;

    #[test]
    fn one_row_has_no_order() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(1, 1, vec![0.9]));
        assert_eq!(cosent(&mut tape, &x, &[Some(1.0)], 20.0).item(), 0.0);
    }
}
