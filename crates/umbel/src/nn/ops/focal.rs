//! The focal loss of classes (Lin et al. 2017), which lets rows count less that are answered well already.

use super::cross_entropy::log_softmax;
use crate::nn::{Matrix, Tape, Var};

/// `Σ wᵢ (1 − pᵢ)^γ (−log pᵢ) / Σ wᵢ` over the labelled rows, where `p` is the probability of the row's class and `w` its
/// class's weight; 0 if no row is labelled. With `gamma` 0 it is the cross entropy.
pub fn focal(
    tape: &mut Tape<'_>,
    logits: &Var,
    classes: &[Option<usize>],
    (gamma, class_weights): (f32, Option<&[f32]>),
) -> Var {
    assert_eq!(classes.len(), logits.rows(), "one class a row");
    let gamma = f64::from(gamma);
    let weight = |class: usize| f64::from(class_weights.map_or(1.0, |weights| weights[class]));
    let total: f64 = classes.iter().flatten().map(|&class| weight(class)).sum();
    let total = if total > 0.0 { total } else { 1.0 };
    let (mut loss, mut gradient) = (0.0, Matrix::zeros(logits.rows(), logits.cols()));
    let labelled = classes.iter().enumerate().filter_map(|(row, class)| Some((row, (*class)?)));
    for (row, class) in labelled {
        let log_p = log_softmax(logits.row(row));
        let own = f64::from(log_p[class]);
        // 1 − p without cancellation, and never quite 0, so that its powers can be taken.
        let rest = (-own.exp_m1()).max(f64::MIN_POSITIVE);
        let share = weight(class) / total;
        loss -= share * rest.powf(gamma) * own;
        // d loss / d log p; log p falls by p_j with each logit j, and rises by 1 with its own.
        let slope = share * (gamma * rest.powf(gamma - 1.0) * own.exp() * own - rest.powf(gamma));
        for (j, d) in gradient.row_mut(row).iter_mut().enumerate() {
            let is_own = if j == class { 1.0 } else { 0.0 };
            *d = (slope * (is_own - f64::from(log_p[j]).exp())) as f32;
        }
    }

    let slot = logits.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_logits = gradient.clone();
        kernels::scale(d_logits.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_logits);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};
    use crate::nn::ops::{ClassTargets, cross_entropy};

    const CLASSES: [Option<usize>; 3] = [Some(2), None, Some(0)];

    fn loss(logits: Vec<f32>, gamma: f32, weights: Option<&[f32]>) -> f32 {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let logits = tape.constant(Matrix::from_vec(3, 3, logits));
        focal(&mut tape, &logits, &CLASSES, (gamma, weights)).item()
    }

    const LOGITS: [f32; 9] = [0.5, -1.0, 2.0, 9.0, 9.0, 9.0, 1.5, 0.25, -0.75];

    #[test]
    fn gradients() {
        for (gamma, weights) in [(2.0, None), (0.5, Some(&[0.5, 1.0, 3.0][..])), (0.0, None)] {
            check_gradient(random(3, 3), |tape, x| focal(tape, x, &CLASSES, (gamma, weights)));
        }
    }

    /// Expected values: `(w * (1 - p)**gamma * -log_softmax).sum() / w.sum()` in PyTorch.
    #[test]
    fn losses_are_those_of_the_formula() {
        let found = [loss(LOGITS.to_vec(), 2.0, None), loss(LOGITS.to_vec(), 2.0, Some(&[0.5, 1.0, 3.0]))];
        for (found, expected) in found.into_iter().zip(EXPECTED) {
            assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
        }
    }

    const EXPECTED: [f32; 2] = [0.018_653_55, 0.013_252_98];

    #[test]
    fn without_gamma_it_is_the_cross_entropy() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let logits = tape.constant(Matrix::from_vec(3, 3, LOGITS.to_vec()));
        let targets = ClassTargets { classes: &CLASSES, class_weights: None, label_smoothing: 0.0 };
        let plain = cross_entropy(&mut tape, &logits, &targets).item();
        assert!((loss(LOGITS.to_vec(), 0.0, None) - plain).abs() < 1e-6);
    }

    #[test]
    fn rows_that_are_certain_overflow_nothing() {
        let found = loss(vec![0., 0., 1e4, 0., 0., 0., -1e4, 0., 0.], 0.5, None);
        assert!((found - 5e3).abs() < 1.0, "{found}");
    }
}
