//! Cosines of texts held against whether they are alike, in pairs of a batch.

use crate::nn::{Matrix, Tape, Var};

/// Half the mean of `(1 − x)²` over the pairs of rows of one class, and half the mean of `x²` over the other pairs; a half
/// whose pairs are missing is left out. `x` has the cosine of each row with each row. [n × n] → [1 × 1]
///
/// With as much weight on both halves it is the squared error of the cosine to 1 and 0 on as many alike as unlike pairs
/// (`CosineSimilarityLoss` of sentence-transformers, on the pairs that SetFit draws: Tunstall et al. 2022).
pub fn alike(tape: &mut Tape<'_>, x: &Var, classes: &[usize]) -> Var {
    let n = classes.len();
    assert_eq!((x.rows(), x.cols()), (n, n), "a cosine for each two rows");
    let pairs = |alike: bool| {
        let is_wanted = move |&(i, j): &(usize, usize)| i != j && (classes[i] == classes[j]) == alike;
        (0..n).flat_map(move |i| (0..n).map(move |j| (i, j))).filter(is_wanted)
    };
    let (mut loss, mut gradient) = (0.0, Matrix::zeros(n, n));
    for (alike, wanted) in [(true, 1.0), (false, 0.0)] {
        let n_pairs = pairs(alike).count().max(1) as f32;
        for (i, j) in pairs(alike) {
            let difference = x.row(i)[j] - wanted;
            loss += f64::from(0.5 * difference * difference / n_pairs);
            gradient.row_mut(i)[j] = difference / n_pairs;
        }
    }
    let slot = x.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_x = gradient.clone();
        kernels::scale(d_x.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_x);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(4, 4), |tape, x| alike(tape, x, &[0, 1, 0, 2]));
    }

    #[test]
    fn both_kinds_of_pairs_weigh_the_same() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(3, 3, vec![1.0, 0.5, 0.2, 0.5, 1.0, 0.4, 0.2, 0.4, 1.0]));
        // Alike: 0.5² of one pair; unlike: the mean of 0.2² and 0.4².
        let found = alike(&mut tape, &x, &[7, 7, 3]).item();
        assert!((found - 0.5 * (0.25 + 0.1)).abs() < 1e-6, "{found}");
    }
}
