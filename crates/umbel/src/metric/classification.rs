//! Metrics of predicted classes and their probabilities.

use serde::{Deserialize, Serialize};

/// How good predicted classes and their probabilities are.
///
/// The predicted class of a row is the most probable one, the first of equals. Choose accuracy where classes
/// are balanced, macro F1 where rare classes count as much as frequent ones, [`mcc`](Self::mcc) for one number
/// that chance and imbalance leave at 0, log loss and [`ece`](Self::ece) where the probabilities are used.
/// Of no rows, all numbers are 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// How many rows there are.
    pub n: usize,
    /// The share of rows whose class was predicted.
    pub accuracy: f64,
    /// The mean F1 over the classes that are among the true or predicted ones; scikit-learn's
    /// `f1_score(average="macro", zero_division=0)`.
    pub macro_f1: f64,
    /// The mean F1 over classes, weighted by their support; scikit-learn's `f1_score(average="weighted")`.
    pub weighted_f1: f64,
    /// Matthews' correlation coefficient for many classes (Gorodkin, 2004), from -1 to 1; 0 where all rows
    /// have one class, true or predicted. scikit-learn's `matthews_corrcoef`.
    pub mcc: f64,
    /// The mean of `-ln p` over rows, `p` being the probability of the true class, kept at least
    /// [`f32::EPSILON`] from 0 and 1; scikit-learn's `log_loss`.
    pub log_loss: f64,
    /// The expected calibration error (Guo et al., 2017): the mean gap between the probability of the
    /// predicted class and how often it is right, over 15 bins of equal width, closed above, by their rows.
    pub ece: f64,
    /// Each class, in their order.
    pub per_class: Vec<PerClass>,
    /// How many rows of each true class (outer) were predicted as each class (inner).
    pub confusion: Vec<Vec<usize>>,
}

/// How well one class is predicted; a number whose denominator is 0 is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerClass {
    /// The class.
    pub class: usize,
    /// The share of the rows predicted as this class that are of it.
    pub precision: f64,
    /// The share of the rows of this class that are predicted so.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// How many rows are of this class.
    pub support: usize,
    /// How many rows are predicted as this class.
    pub predicted: usize,
}

/// The bins of the expected calibration error.
const N_BINS: usize = 15;

impl Classification {
    /// Compares the true class of each row with the probabilities of all classes, `n_classes` a row.
    ///
    /// ```
    /// use umbel::metric::Classification;
    /// let metrics = Classification::compute(2, &[0, 1], &[0.9, 0.1, 0.8, 0.2]);
    /// assert_eq!(metrics.accuracy, 0.5);
    /// assert_eq!(metrics.confusion, [[1, 0], [1, 0]]);
    /// ```
    ///
    /// # Panics
    /// If there are not `n_classes` probabilities a row, or a true class is not below `n_classes`.
    pub fn compute(n_classes: usize, truth: &[usize], probabilities: &[f32]) -> Self {
        assert_eq!(probabilities.len(), truth.len() * n_classes, "{n_classes} probabilities a row");
        assert!(truth.iter().all(|&class| class < n_classes), "true classes are below {n_classes}");
        let rows: Vec<&[f32]> = probabilities.chunks_exact(n_classes.max(1)).collect(); // [rows × classes]
        let predicted: Vec<usize> = rows.iter().map(|row| top(row)).collect();

        let mut confusion = vec![vec![0; n_classes]; n_classes];
        truth.iter().zip(&predicted).for_each(|(&truth, &predicted)| confusion[truth][predicted] += 1);
        let per_class: Vec<PerClass> = (0..n_classes).map(|class| per_class(class, &confusion)).collect();

        let n = truth.len();
        let n_right: usize = per_class.iter().map(|class| confusion[class.class][class.class]).sum();
        let occurring: Vec<&PerClass> = per_class.iter().filter(|c| c.support + c.predicted > 0).collect();
        let macro_f1 = ratio(occurring.iter().map(|class| class.f1).sum(), occurring.len() as f64);
        let weighted: f64 = per_class.iter().map(|class| class.f1 * class.support as f64).sum();
        Self {
            n,
            accuracy: ratio(n_right as f64, n as f64),
            macro_f1,
            weighted_f1: ratio(weighted, n as f64),
            mcc: mcc(n, n_right, &per_class),
            log_loss: log_loss(truth, &rows),
            ece: ece(truth, &predicted, &rows),
            per_class,
            confusion,
        }
    }
}

/// The most probable class, the first of equals.
fn top(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

fn per_class(class: usize, confusion: &[Vec<usize>]) -> PerClass {
    let right = confusion[class][class] as f64;
    let support: usize = confusion[class].iter().sum();
    let predicted: usize = confusion.iter().map(|row| row[class]).sum();
    PerClass {
        class,
        precision: ratio(right, predicted as f64),
        recall: ratio(right, support as f64),
        f1: ratio(2.0 * right, (support + predicted) as f64),
        support,
        predicted,
    }
}

/// `(c s - Σ p_k t_k) / √((s² - Σ p_k²) (s² - Σ t_k²))` with `s` rows, `c` of them right, and `p_k` predicted
/// and `t_k` true rows of class `k` (Gorodkin, 2004).
fn mcc(n: usize, n_right: usize, per_class: &[PerClass]) -> f64 {
    let sum = |term: fn(&PerClass) -> usize| per_class.iter().map(|class| term(class) as f64).sum::<f64>();
    let s = n as f64;
    let covariance = n_right as f64 * s - sum(|class| class.predicted * class.support);
    let predicted = s * s - sum(|class| class.predicted * class.predicted);
    let truth = s * s - sum(|class| class.support * class.support);
    ratio(covariance, (predicted * truth).sqrt())
}

fn log_loss(truth: &[usize], rows: &[&[f32]]) -> f64 {
    let epsilon = f64::from(f32::EPSILON);
    let loss = |(&class, row): (&usize, &&[f32])| -f64::from(row[class]).clamp(epsilon, 1.0 - epsilon).ln();
    ratio(truth.iter().zip(rows).map(loss).sum(), truth.len() as f64)
}

fn ece(truth: &[usize], predicted: &[usize], rows: &[&[f32]]) -> f64 {
    let mut gaps = [0.0; N_BINS]; // Of each bin: rows that are right minus the sum of their probabilities.
    for ((&truth, &predicted), row) in truth.iter().zip(predicted).zip(rows) {
        let probability = f64::from(row[predicted]);
        let bin = (probability * N_BINS as f64).ceil().clamp(1.0, N_BINS as f64) as usize - 1;
        gaps[bin] += f64::from(u8::from(truth == predicted)) - probability;
    }
    ratio(gaps.iter().map(|gap| gap.abs()).sum(), truth.len() as f64)
}

/// A quotient, or 0 where it has no value.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-7, "{found} != {expected}"); // Probabilities are f32.
    }

    /// Probability 1 for each of the predicted classes.
    fn certain(n_classes: usize, predicted: &[usize]) -> Vec<f32> {
        predicted
            .iter()
            .flat_map(|&p| (0..n_classes).map(move |class| f32::from(u8::from(class == p))))
            .collect()
    }

    #[test]
    fn metrics_are_those_of_scikit_learn() {
        let truth = [0, 0, 1, 1, 2, 2, 2, 0];
        #[rustfmt::skip]
        let probabilities = [
            0.7, 0.2, 0.1,  0.4, 0.5, 0.1,  0.1, 0.8, 0.1,   0.3, 0.3, 0.4,
            0.2, 0.2, 0.6,  0.1, 0.6, 0.3,  0.05, 0.05, 0.9, 0.6, 0.3, 0.1,
        ];
        let metrics = Classification::compute(3, &truth, &probabilities);
        // scikit-learn 1.9.1: accuracy_score, f1_score, matthews_corrcoef, log_loss,
        // precision_recall_fscore_support, confusion_matrix; the calibration error by its formula in NumPy.
        close(metrics.accuracy, 0.625);
        close(metrics.macro_f1, 0.6222222222222222);
        close(metrics.weighted_f1, 0.65);
        close(metrics.mcc, 0.4523809523809524);
        close(metrics.log_loss, 0.6288833067176989);
        close(metrics.ece, 0.21249999478459358);
        let PerClass { precision, recall, f1, support, .. } = metrics.per_class[1];
        close(precision, 1.0 / 3.0);
        close(recall, 0.5);
        close(f1, 0.4);
        assert_eq!(support, 2);
        assert_eq!(metrics.confusion, [[2, 1, 0], [0, 1, 1], [0, 1, 2]]);
    }

    #[test]
    fn classes_that_occur_nowhere_are_not_in_the_macro_mean() {
        let metrics = Classification::compute(4, &[0, 0, 2], &certain(4, &[0, 1, 2]));
        // scikit-learn 1.9.1, zero_division=0.
        close(metrics.macro_f1, 0.5555555555555555);
        close(metrics.weighted_f1, 0.7777777777777777);
        close(metrics.mcc, 0.6123724356957946);
        assert_eq!(metrics.per_class[3].f1, 0.0);
    }

    #[test]
    fn a_certain_wrong_answer_has_a_finite_loss() {
        let metrics = Classification::compute(2, &[0], &[0.0, 1.0]);
        close(metrics.log_loss, 15.942385152878742); // -ln(2^-23)
        close(metrics.ece, 1.0);
        assert_eq!((metrics.accuracy, metrics.macro_f1, metrics.mcc), (0.0, 0.0, 0.0));
    }

    #[test]
    fn one_row_and_no_rows_have_metrics() {
        let metrics = Classification::compute(2, &[1], &[0.25, 0.75]);
        assert_eq!((metrics.accuracy, metrics.macro_f1, metrics.mcc), (1.0, 1.0, 0.0));
        close(metrics.ece, 0.25);
        let none = Classification::compute(2, &[], &[]);
        assert_eq!((none.n, none.accuracy, none.log_loss, none.ece), (0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn a_report_survives_json() {
        let metrics = Classification::compute(3, &[0, 2], &certain(3, &[0, 1]));
        let text = serde_json::to_string(&metrics).unwrap();
        assert_eq!(serde_json::from_str::<Classification>(&text).unwrap(), metrics);
    }
}
