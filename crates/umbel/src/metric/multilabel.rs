//! Metrics of any number of several labels.

use serde::{Deserialize, Serialize};

/// How good predicted sets of labels are.
///
/// Choose micro F1 where every label given counts alike, macro F1 where rare labels matter as much as common ones,
/// mAP where thresholds are not chosen yet, subset accuracy where only a wholly right set is of use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Multilabel {
    /// How many rows there are.
    pub n: usize,
    /// F1 of all labels of all rows taken together; scikit-learn's `f1_score(average="micro", zero_division=0)`.
    pub micro_f1: f64,
    /// The mean of the labels' F1; scikit-learn's `f1_score(average="macro", zero_division=0)`.
    pub macro_f1: f64,
    /// The mean over the labels that are true of some row of their average precision; scikit-learn's
    /// `average_precision_score(average="macro")`. None if no label is true of any row.
    pub map: Option<f64>,
    /// The share of rows all of whose labels are right; scikit-learn's `accuracy_score`.
    pub subset_accuracy: f64,
    /// Each label in turn.
    #[serde(rename = "per_class")]
    pub per_label: Vec<PerLabel>,
}

/// How good one label's predictions are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerLabel {
    /// The label's number.
    pub class: usize,
    /// The share of its predictions that are right; 0 if there are none.
    pub precision: f64,
    /// The share of its rows that are found; 0 if there are none.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Rows of which it is true.
    pub support: usize,
}

impl Multilabel {
    /// Compares what is true of each row and label with the labels' probabilities, which count from their thresholds
    /// on; `thresholds.len()` values a row.
    ///
    /// # Panics
    /// If there are not equally many values of both.
    pub fn compute(thresholds: &[f32], truth: &[bool], probabilities: &[f32]) -> Self {
        assert_eq!(truth.len(), probabilities.len(), "a probability for each row and label");
        let n_labels = thresholds.len();
        let n = truth.len() / n_labels.max(1);
        let predicted: Vec<bool> =
            probabilities.iter().enumerate().map(|(i, &p)| p >= thresholds[i % n_labels]).collect();
        let column = |label: usize| (0..n).map(move |row| row * n_labels + label);
        let mut all = Counts::default();
        let mut per_label = Vec::new();
        for label in 0..n_labels {
            let mut counts = Counts::default();
            column(label).for_each(|i| counts.add(truth[i], predicted[i]));
            all.join(&counts);
            per_label.push(counts.report(label));
        }
        let precisions = (0..n_labels).filter_map(|label| {
            let ranked: Vec<(f32, bool)> = column(label).map(|i| (probabilities[i], truth[i])).collect();
            average_precision(ranked)
        });
        let precisions: Vec<f64> = precisions.collect();
        let right = truth.chunks(n_labels.max(1)).zip(predicted.chunks(n_labels.max(1)));
        let mean = |sum: f64, n: usize| if n == 0 { 0.0 } else { sum / n as f64 };
        Self {
            n,
            micro_f1: all.report(0).f1,
            macro_f1: mean(per_label.iter().map(|label| label.f1).sum(), n_labels),
            map: (!precisions.is_empty()).then(|| mean(precisions.iter().sum(), precisions.len())),
            subset_accuracy: mean(right.filter(|(t, p)| t == p).count() as f64, n),
            per_label,
        }
    }
}

#[derive(Default)]
struct Counts {
    hits: usize,
    false_alarms: usize,
    misses: usize,
}

impl Counts {
    fn add(&mut self, truth: bool, predicted: bool) {
        self.hits += usize::from(truth && predicted);
        self.false_alarms += usize::from(!truth && predicted);
        self.misses += usize::from(truth && !predicted);
    }

    fn join(&mut self, other: &Self) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
    }

    fn report(&self, class: usize) -> PerLabel {
        let share = |of: usize, all: usize| if all == 0 { 0.0 } else { of as f64 / all as f64 };
        PerLabel {
            class,
            precision: share(self.hits, self.hits + self.false_alarms),
            recall: share(self.hits, self.hits + self.misses),
            f1: share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses),
            support: self.hits + self.misses,
        }
    }
}

/// `Σ (R_k − R_(k−1)) P_k` over the distinct probabilities from the largest on; none if nothing is true.
pub(super) fn average_precision(mut ranked: Vec<(f32, bool)>) -> Option<f64> {
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let n_true = ranked.iter().filter(|(_, truth)| *truth).count();
    let (mut sum, mut hits, mut seen) = (0.0, 0, 0);
    for equals in ranked.chunk_by(|a, b| a.0 == b.0) {
        let new = equals.iter().filter(|(_, truth)| *truth).count();
        seen += equals.len();
        hits += new;
        sum += new as f64 / n_true.max(1) as f64 * hits as f64 / seen as f64;
    }
    (n_true > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scikit-learn 1.5 on the same rows.
    #[test]
    fn metrics_are_those_of_scikit_learn() {
        let truth = [true, false, true, false, true, false, true, true];
        let probabilities = [0.9, 0.2, 0.4, 0.6, 0.8, 0.5, 0.3, 0.7];
        // Columns: truth 1 1 1 1 / 0 0 0 1; predicted 1 0 1 0 / 0 1 1 1.
        let found = Multilabel::compute(&[0.5, 0.5], &truth, &probabilities);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(found.micro_f1, 0.6);
        close(found.macro_f1, (2.0 / 3.0 + 0.5) / 2.0);
        close(found.subset_accuracy, 0.25);
        close(found.map.unwrap(), 1.0);
        assert_eq!((found.n, found.per_label[1].support), (4, 1));
    }

    #[test]
    fn equal_probabilities_count_together() {
        let ranked = vec![(0.5, true), (0.5, false), (0.9, false), (0.1, true)];
        // At 0.9: 0 of 1; at 0.5: recall 1/2, precision 1/3; at 0.1: recall 1, precision 2/4.
        assert!((average_precision(ranked).unwrap() - (0.5 / 3.0 + 0.5 * 0.5)).abs() < 1e-12);
        assert_eq!(average_precision(vec![(0.5, false)]), None);
    }

    #[test]
    fn no_rows_give_zeros() {
        let found = Multilabel::compute(&[0.5], &[], &[]);
        assert_eq!((found.n, found.micro_f1, found.map), (0, 0.0, None));
    }
}
