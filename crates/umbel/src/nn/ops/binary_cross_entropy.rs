//! Binary cross entropy of logits (`torch.nn.functional.binary_cross_entropy_with_logits`).

use crate::nn::{Matrix, Tape, Var};

/// What is true of each row and label, and how it counts.
#[derive(Debug, Clone, Copy)]
pub struct BinaryTargets<'a> {
    /// 1 where a label is true of a row, else 0. [rows × labels]
    pub targets: &'a Matrix,
    /// Whether each row has labels at all.
    pub present: &'a [bool],
    /// How much being true counts, for each label; 1 if `None`.
    pub positive_weights: Option<&'a [f32]>,
}

/// The mean over all labels of the present rows of `−w y log σ(x) − (1 − y) log(1 − σ(x))`; 0 if there are none.
///
/// `log σ(x)` is computed as `min(x, 0) − log(1 + exp(−|x|))`, which neither overflows nor loses small numbers.
pub fn binary_cross_entropy(tape: &mut Tape<'_>, logits: &Var, truth: &BinaryTargets<'_>) -> Var {
    let BinaryTargets { targets, present, positive_weights } = *truth;
    assert_eq!((logits.rows(), logits.cols()), (targets.rows(), targets.cols()), "one target a logit");
    let n = (present.iter().filter(|&&present| present).count() * logits.cols()).max(1) as f64;
    let (mut loss, mut gradient) = (0.0, Matrix::zeros(logits.rows(), logits.cols()));
    for row in (0..logits.rows()).filter(|&row| present[row]) {
        let pairs = logits.row(row).iter().zip(targets.row(row));
        for (label, (d, (&x, &y))) in gradient.row_mut(row).iter_mut().zip(pairs).enumerate() {
            let (x, y) = (f64::from(x), f64::from(y));
            let weight = f64::from(positive_weights.map_or(1.0, |weights| weights[label]));
            loss -= (weight * y * log_sigmoid(x) + (1.0 - y) * log_sigmoid(-x)) / n;
            *d = (((1.0 - y) * sigmoid(x) - weight * y * sigmoid(-x)) / n) as f32;
        }
    }
    let slot = logits.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_logits = gradient.clone();
        kernels::scale(d_logits.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_logits);
    })
}

/// `1 / (1 + exp(−x))`
pub fn sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
}

/// `log(1 / (1 + exp(−x)))`
pub fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    fn targets() -> Matrix {
        Matrix::from_vec(3, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    }

    #[test]
    fn gradients() {
        let targets = targets();
        for positive_weights in [None, Some(&[0.5, 3.0][..])] {
            let truth = BinaryTargets { targets: &targets, present: &[true, false, true], positive_weights };
            check_gradient(random(3, 2), |tape, x| binary_cross_entropy(tape, x, &truth));
        }
    }

    fn loss(logits: Vec<f32>, positive_weights: Option<&[f32]>) -> f32 {
        let (params, targets) = (Params::default(), targets());
        let mut tape = Tape::inference(&params);
        let logits = tape.constant(Matrix::from_vec(3, 2, logits));
        let truth = BinaryTargets { targets: &targets, present: &[true, false, true], positive_weights };
        binary_cross_entropy(&mut tape, &logits, &truth).item()
    }

    /// Expected values: `torch.nn.functional.binary_cross_entropy_with_logits` of rows 0 and 2.
    #[test]
    fn losses_are_those_of_pytorch() {
        let logits = vec![0.5, -1.0, 9.0, 9.0, 1.5, -0.75];
        assert!((loss(logits.clone(), None) - 0.531_405_7).abs() < 1e-6, "{}", loss(logits, None));
        assert_eq!(loss(vec![200.0, -200.0, 0.0, 0.0, 200.0, 200.0], None), 0.0);
        assert_eq!(loss(vec![-200.0, -200.0, 0.0, 0.0, 200.0, 200.0], Some(&[2.0, 1.0])), 100.0);
    }
}
