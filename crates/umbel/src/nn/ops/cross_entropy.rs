//! Softmax cross entropy (`torch.nn.functional.cross_entropy`).

use crate::nn::{Matrix, Tape, Var};

/// What the rows' classes are, and how they count.
#[derive(Debug, Clone)]
pub struct ClassTargets<'a> {
    /// The class of each row; `None` where the row has no label.
    pub classes: &'a [Option<usize>],
    /// How much each class counts; all alike if `None`.
    pub class_weights: Option<&'a [f32]>,
    /// The share of each label that is spread evenly over all classes.
    pub label_smoothing: f32,
}

/// `Σ wᵢ lossᵢ / Σ wᵢ` over the labelled rows, where `w` is the weight of the row's class and
/// `loss = −(1 − s) log p(class) − s/C Σ_c (w_c/w) log p(c)` with smoothing `s`; 0 if no row is labelled.
///
/// `log p` is computed as `x − logsumexp(x)`, which neither overflows nor loses small probabilities.
pub fn cross_entropy(tape: &mut Tape<'_>, logits: &Var, targets: &ClassTargets<'_>) -> Var {
    assert_eq!(targets.classes.len(), logits.rows(), "one class a row");
    let n_classes = logits.cols();
    let weight = |class: usize| targets.class_weights.map_or(1.0, |weights| weights[class]);
    let total: f32 = targets.classes.iter().flatten().map(|&class| weight(class)).sum();
    let total = if total > 0.0 { total } else { 1.0 };
    let smooth = targets.label_smoothing / n_classes as f32;

    let (mut loss, mut gradient) = (0.0, Matrix::zeros(logits.rows(), n_classes));
    let labelled = targets.classes.iter().enumerate().filter_map(|(row, class)| Some((row, (*class)?)));
    for (row, class) in labelled {
        let log_p = log_softmax(logits.row(row));
        // The row's loss is Σ_c a_c · −log p(c); its gradient by logit j is (Σ a) p(j) − a_j.
        let share = |c: usize| {
            let own = if c == class { (1.0 - targets.label_smoothing) * weight(class) } else { 0.0 };
            (own + smooth * weight(c)) / total
        };
        let mass: f32 = (0..n_classes).map(share).sum();
        for (c, d) in gradient.row_mut(row).iter_mut().enumerate() {
            loss -= f64::from(share(c)) * f64::from(log_p[c]);
            *d = mass * log_p[c].exp() - share(c);
        }
    }

    let slot = logits.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_logits = gradient.clone();
        kernels::scale(d_logits.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_logits);
    })
}

/// `x − log Σ exp(x)`, with the largest value taken out first.
pub fn log_softmax(x: &[f32]) -> Vec<f32> {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = x.iter().map(|x| f64::from(x - largest).exp()).sum();
    let log_sum = sum.ln() as f32;
    x.iter().map(|x| (x - largest) - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    const PLAIN: ClassTargets<'_> =
        ClassTargets { classes: &[Some(2), None, Some(0)], class_weights: None, label_smoothing: 0.0 };

    fn loss(logits: Vec<f32>, targets: &ClassTargets<'_>) -> f32 {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let logits = tape.constant(Matrix::from_vec(3, 3, logits));
        cross_entropy(&mut tape, &logits, targets).item()
    }

    #[test]
    fn gradients() {
        let weighted = ClassTargets { class_weights: Some(&[0.5, 1.0, 3.0]), ..PLAIN };
        let smoothed = ClassTargets { label_smoothing: 0.2, ..weighted.clone() };
        for targets in [PLAIN, weighted, smoothed] {
            check_gradient(random(3, 3), |tape, x| cross_entropy(tape, x, &targets));
        }
    }

    /// Expected values: `torch.nn.functional.cross_entropy` of rows 0 and 2 with the same arguments.
    #[test]
    fn losses_are_those_of_pytorch() {
        let logits = vec![0.5, -1.0, 2.0, 9.0, 9.0, 9.0, 1.5, 0.25, -0.75];
        let weighted = ClassTargets { class_weights: Some(&[0.5, 1.0, 3.0]), ..PLAIN };
        let smoothed = ClassTargets { label_smoothing: 0.2, ..weighted.clone() };
        for (targets, expected) in [(PLAIN, PYTORCH[0]), (weighted, PYTORCH[1]), (smoothed, PYTORCH[2])] {
            let found = loss(logits.clone(), &targets);
            assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
        }
    }

    const PYTORCH: [f32; 3] = [0.285_991_97, 0.254_077_23, 0.476_098_54];

    #[test]
    fn large_logits_overflow_nothing() {
        let found = loss(vec![1e4, 0., -1e4, 0., 0., 0., 1e4, 0., 0.], &PLAIN);
        assert_eq!(found, 1e4);
    }

    #[test]
    fn no_labelled_row_is_no_loss() {
        let none = ClassTargets { classes: &[None; 3], ..PLAIN };
        assert_eq!(loss(vec![1.0; 9], &none), 0.0);
    }
}
