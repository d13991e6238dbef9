//! Metrics of labels that have an order.

use serde::{Deserialize, Serialize};

/// How good predicted ranks are.
///
/// Choose the quadratic kappa where a large mistake is worse than several small ones, and chance should not count; the
/// mean absolute error where a rank is a unit one understands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ordinal {
    /// How many rows there are.
    pub n: usize,
    /// Cohen's kappa with squared weights; scikit-learn's `cohen_kappa_score(weights="quadratic")`. None where truth
    /// and predictions are the same single label.
    pub quadratic_kappa: Option<f64>,
    /// The share of rows whose label is right.
    pub accuracy: f64,
    /// The mean distance of the predicted label from the true one, in ranks.
    pub mae: f64,
    /// The same of the expected rank.
    pub expected_mae: f64,
    /// Rows by true label, then by predicted label.
    pub confusion: Vec<Vec<usize>>,
}

impl Ordinal {
    /// Compares true with predicted labels, of `n_labels`, and with expected ranks.
    ///
    /// # Panics
    /// If there are not equally many of each.
    pub fn compute(n_labels: usize, truth: &[usize], predicted: &[usize], ranks: &[f32]) -> Self {
        assert!(truth.len() == predicted.len() && truth.len() == ranks.len(), "as many of each");
        let mut confusion = vec![vec![0; n_labels]; n_labels];
        truth.iter().zip(predicted).for_each(|(&truth, &predicted)| confusion[truth][predicted] += 1);
        let mean = |sum: f64| if truth.is_empty() { 0.0 } else { sum / truth.len() as f64 };
        let right = truth.iter().zip(predicted).filter(|(truth, predicted)| truth == predicted).count();
        let distances = truth.iter().zip(predicted).map(|(&t, &p)| t.abs_diff(p) as f64);
        let expected = truth.iter().zip(ranks).map(|(&truth, &rank)| (truth as f64 - f64::from(rank)).abs());
        Self {
            n: truth.len(),
            quadratic_kappa: kappa(&confusion, truth.len()),
            accuracy: mean(right as f64),
            mae: mean(distances.sum()),
            expected_mae: mean(expected.sum()),
            confusion,
        }
    }
}

/// `1 − Σ (i − j)² observed / Σ (i − j)² expected`, with what is expected of independent labels.
fn kappa(confusion: &[Vec<usize>], n: usize) -> Option<f64> {
    let row = |i: usize| confusion[i].iter().sum::<usize>() as f64;
    let column = |j: usize| confusion.iter().map(|row| row[j]).sum::<usize>() as f64;
    let (mut observed, mut expected) = (0.0, 0.0);
    for (i, line) in confusion.iter().enumerate() {
        for (j, &count) in line.iter().enumerate() {
            let weight = (i.abs_diff(j) as f64).powi(2);
            observed += weight * count as f64;
            expected += weight * row(i) * column(j) / n.max(1) as f64;
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected value: `sklearn.metrics.cohen_kappa_score([0, 1, 2, 2, 1], [0, 2, 2, 1, 1], weights="quadratic")`.
    #[test]
    fn metrics_are_those_of_scikit_learn() {
        let found = Ordinal::compute(3, &[0, 1, 2, 2, 1], &[0, 2, 2, 1, 1], &[0.5, 1.0, 2.0, 1.0, 1.0]);
        assert!((found.quadratic_kappa.unwrap() - 0.642_857_142_857).abs() < 1e-9, "{found:?}");
        assert_eq!((found.accuracy, found.mae, found.expected_mae), (0.6, 0.4, 0.3));
        assert_eq!(found.confusion[2], [0, 1, 1]);
    }

    #[test]
    fn one_label_has_no_kappa() {
        assert_eq!(Ordinal::compute(2, &[1, 1], &[1, 1], &[1.0, 1.0]).quadratic_kappa, None);
        assert_eq!(Ordinal::compute(2, &[], &[], &[]).quadratic_kappa, None);
    }
}
