//! The negative log likelihood of ordered classes (McCullagh 1980: "Regression models for ordinal data").

use super::binary_cross_entropy::{log_sigmoid, sigmoid};
use crate::nn::{Matrix, Tape, Var};

/// The mean over the labelled rows of `−log P(class)`; 0 if there are none.
///
/// With `x` the row's C − 1 values, the class lies beyond cut k with probability `σ(z_k)`, where `z_0 = x_0` and
/// `z_k = z_(k−1) − log(1 + exp(x_k))`: cuts that keep their order, whatever the values are. So
/// `P(class) = σ(z_(class−1)) − σ(z_class)`, without the term that is beyond the first or the last cut.
pub fn cumulative_link(tape: &mut Tape<'_>, x: &Var, classes: &[Option<usize>]) -> Var {
    assert_eq!(classes.len(), x.rows(), "one class a row");
    let n = classes.iter().flatten().count().max(1) as f64;
    let (mut loss, mut gradient) = (0.0, Matrix::zeros(x.rows(), x.cols()));
    for (row, class) in classes.iter().enumerate().filter_map(|(row, class)| Some((row, (*class)?))) {
        let cuts = cuts(x.row(row));
        let (below, above) = (class.checked_sub(1).map(|k| cuts[k]), cuts.get(class).copied());
        loss -= log_likelihood(below, above) / n;
        // Of the likelihood by the cuts on both sides; all earlier values move both.
        let [d_below, d_above] = slopes(below, above);
        let d_cut = |k: usize| -> f64 {
            let below = if class >= 1 && k < class { d_below } else { 0.0 };
            below + if k <= class && above.is_some() { d_above } else { 0.0 }
        };
        for (k, d) in gradient.row_mut(row).iter_mut().enumerate() {
            let inner = if k == 0 { 1.0 } else { -sigmoid(f64::from(x.row(row)[k])) };
            *d = (-d_cut(k) * inner / n) as f32;
        }
    }
    let slot = x.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_x = gradient.clone();
        kernels::scale(d_x.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_x);
    })
}

/// The probability of each of the C classes, from the row's C − 1 values; `temperature` divides the logits of the cuts.
pub fn class_probabilities(x: &[f32], temperature: f32) -> Vec<f32> {
    class_log_probabilities(x, temperature).into_iter().map(|log_p| log_p.exp() as f32).collect()
}

/// The logarithms of [`class_probabilities`].
pub fn class_log_probabilities(x: &[f32], temperature: f32) -> Vec<f64> {
    let cuts: Vec<f64> = cuts(x).into_iter().map(|cut| cut / f64::from(temperature)).collect();
    let side = |class: usize| (class.checked_sub(1).map(|k| cuts[k]), cuts.get(class).copied());
    (0..=cuts.len()).map(|class| log_likelihood(side(class).0, side(class).1)).collect()
}

/// How far the class is beyond each cut, as logits that never increase.
fn cuts(x: &[f32]) -> Vec<f64> {
    let mut cuts = Vec::with_capacity(x.len());
    for (k, &x) in x.iter().enumerate() {
        let x = f64::from(x);
        cuts.push(if k == 0 { x } else { cuts[k - 1] + log_sigmoid(-x) });
    }
    cuts
}

/// `log(σ(a) − σ(b))` as `log σ(a) + log σ(−b) + log(1 − exp(b − a))`, with what is not there left out.
fn log_likelihood(below: Option<f64>, above: Option<f64>) -> f64 {
    match (below, above) {
        (None, None) => 0.0,
        (None, Some(b)) => log_sigmoid(-b),
        (Some(a), None) => log_sigmoid(a),
        (Some(a), Some(b)) => log_sigmoid(a) + log_sigmoid(-b) + (-(b - a).exp_m1()).max(TINY).ln(),
    }
}

/// The derivatives of [`log_likelihood`].
fn slopes(below: Option<f64>, above: Option<f64>) -> [f64; 2] {
    let between = match (below, above) {
        (Some(a), Some(b)) => 1.0 / (a - b).exp_m1().max(TINY),
        _ => 0.0,
    };
    [below.map_or(0.0, |a| sigmoid(-a) + between), above.map_or(0.0, |b| -sigmoid(b) - between)]
}

/// Cuts that lie on each other leave a class this much.
const TINY: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        let classes = [Some(0), None, Some(1), Some(2), Some(3)];
        check_gradient(random(5, 3), |tape, x| cumulative_link(tape, x, &classes));
    }

    #[test]
    fn probabilities_sum_to_one_and_follow_the_cuts() {
        let probabilities = class_probabilities(&[0.0, 0.0], 1.0);
        // Half lie beyond the first cut, σ(−log 2) = 1/3 beyond the second.
        for (found, expected) in probabilities.iter().zip([1.0 / 2.0, 1.0 / 6.0, 1.0 / 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{probabilities:?}");
        }
        for x in [[9.0, -3.0, 60.0], [-90.0, 0.0, -200.0], [90.0, 80.0, -80.0]] {
            let sum: f32 = class_probabilities(&x, 1.0).iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{x:?}: {sum}");
        }
    }
}
