//! Metrics of predicted numbers.

use serde::{Deserialize, Serialize};

/// How good predicted numbers are.
///
/// Choose RMSE or MAE where the unit of the target matters, R² to compare targets of different scale, Pearson
/// where offset and scale of the predictions do not matter, Spearman where only their order does. Of no rows,
/// the errors are 0. Sums are taken in `f64`, in the order of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// How many rows there are.
    pub n: usize,
    /// The mean of the squared errors; scikit-learn's `mean_squared_error`.
    pub mse: f64,
    /// The root of [`mse`](Self::mse), of each output; scikit-learn's `root_mean_squared_error`.
    pub rmse: f64,
    /// The mean of the absolute errors; scikit-learn's `mean_absolute_error`.
    pub mae: f64,
    /// The share of the truth's variance that is explained; none where the truth is constant. scikit-learn's
    /// `r2_score`.
    pub r2: Option<f64>,
    /// Pearson's correlation; none where truth or predictions are constant. `scipy.stats.pearsonr`.
    pub pearson: Option<f64>,
    /// Spearman's correlation: Pearson's of the ranks, where equals share their mean rank.
    /// `scipy.stats.spearmanr`.
    pub spearman: Option<f64>,
    /// Each output where there are several; the numbers above are then means over the outputs that have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_output: Vec<Regression>,
}

impl Regression {
    /// Compares true with predicted numbers, `width` a row in both.
    ///
    /// ```
    /// use umbel::metric::Regression;
    /// let metrics = Regression::compute(1, &[1.0, 2.0, 3.0], &[1.0, 2.0, 5.0]);
    /// assert_eq!(metrics.mae, 2.0 / 3.0);
    /// assert_eq!(metrics.spearman, Some(1.0));
    /// ```
    ///
    /// # Panics
    /// If there are not equally many of both, `width` a row.
    pub fn compute(width: usize, truth: &[f32], predicted: &[f32]) -> Self {
        assert_eq!(truth.len(), predicted.len(), "as many true as predicted numbers");
        assert!(width > 0 && truth.len().is_multiple_of(width), "{width} numbers a row");
        let column = |values: &[f32], output| -> Vec<f64> {
            values.iter().skip(output).step_by(width).map(|&value| f64::from(value)).collect()
        };
        let mut outputs: Vec<Self> =
            (0..width).map(|output| one(&column(truth, output), &column(predicted, output))).collect();
        match width {
            1 => outputs.remove(0),
            _ => mean_of(outputs),
        }
    }
}

/// The metrics of one output.
fn one(truth: &[f64], predicted: &[f64]) -> Regression {
    let errors: Vec<f64> = truth.iter().zip(predicted).map(|(truth, predicted)| truth - predicted).collect();
    let squared: f64 = errors.iter().map(|error| error * error).sum();
    let n = truth.len().max(1) as f64;
    let variance: f64 = centred(truth).iter().map(|x| x * x).sum();
    Regression {
        n: truth.len(),
        mse: squared / n,
        rmse: (squared / n).sqrt(),
        mae: errors.iter().map(|error| error.abs()).sum::<f64>() / n,
        r2: (!is_constant(truth)).then(|| 1.0 - squared / variance),
        pearson: pearson(truth, predicted),
        spearman: pearson(&ranks(truth), &ranks(predicted)),
        per_output: Vec::new(),
    }
}

fn mean_of(outputs: Vec<Regression>) -> Regression {
    let mean = |metric: fn(&Regression) -> Option<f64>| {
        let values: Vec<f64> = outputs.iter().filter_map(metric).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    Regression {
        n: outputs[0].n,
        mse: mean(|output| Some(output.mse)).unwrap_or_default(),
        rmse: mean(|output| Some(output.rmse)).unwrap_or_default(),
        mae: mean(|output| Some(output.mae)).unwrap_or_default(),
        r2: mean(|output| output.r2),
        pearson: mean(|output| output.pearson),
        spearman: mean(|output| output.spearman),
        per_output: outputs,
    }
}

/// `Σ x y / √(Σ x² Σ y²)` of the values less their means; none where either is constant.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    if is_constant(x) || is_constant(y) {
        return None;
    }
    let (x, y) = (centred(x), centred(y));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let r = dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt();
    r.is_finite().then(|| r.clamp(-1.0, 1.0)) // Rounding can step over 1.
}

/// True of equal values, of one and of none.
fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// The values less their mean.
fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| value - mean).collect()
}

/// The rank of each value from 1; equals share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equals in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first as f64 + (equals.len() + 1) as f64 / 2.0;
        equals.iter().for_each(|&row| ranks[row] = mean);
        first += equals.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [f32; 6] = [1.5, 2.0, 2.0, -1.0, 0.5, 3.0];
    const PREDICTED: [f32; 6] = [1.0, 2.5, 1.5, -0.5, 1.0, 2.0];

    /// Expected: mse, rmse, mae, r2, pearson, spearman.
    fn check(metrics: &Regression, expected: [f64; 6]) {
        let Regression { mse, rmse, mae, r2, pearson, spearman, .. } = metrics;
        let found = [*mse, *rmse, *mae, r2.unwrap(), pearson.unwrap(), spearman.unwrap()];
        let close = found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-12);
        assert!(close, "{found:?} != {expected:?}"); // The numbers are exact in f32.
    }

    #[test]
    fn metrics_are_those_of_scikit_learn_and_scipy() {
        // scikit-learn 1.9.1 and SciPy 1.17.1 by the functions named in the documentation.
        let expected = [
            0.375,
            0.6123724356957945,
            0.5833333333333334,
            0.771186440677966,
            0.894074568399576,
            0.8823529411764706,
        ];
        check(&Regression::compute(1, &TRUTH, &PREDICTED), expected);
    }

    #[test]
    fn several_outputs_are_averaged() {
        let metrics = Regression::compute(2, &TRUTH, &PREDICTED);
        // scikit-learn 1.9.1 on rows of two; means of SciPy's correlations of each.
        let expected = [
            0.375,
            0.6035533905932737,
            0.5833333333333333,
            0.592032967032967,
            (0.7559289460184544 + 0.9215506405654279) / 2.0,
            (0.8660254037844387 + 0.5) / 2.0,
        ];
        check(&metrics, expected);
        assert_eq!((metrics.n, metrics.per_output.len()), (3, 2));
        assert!((metrics.per_output[0].pearson.unwrap() - 0.7559289460184544).abs() < 1e-12);
    }

    #[test]
    fn constant_numbers_have_no_correlation() {
        let tenths = [0.1; 7]; // Their mean is not exactly 0.1.
        let metrics = Regression::compute(1, &tenths, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!((metrics.r2, metrics.pearson, metrics.spearman), (None, None, None));
        let metrics = Regression::compute(1, &[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0]);
        assert_eq!((metrics.r2, metrics.pearson, metrics.spearman), (Some(0.0), None, None));
    }

    #[test]
    fn one_row_and_no_rows_have_metrics() {
        let one = Regression::compute(1, &[1.0], &[3.0]);
        assert_eq!((one.n, one.mse, one.rmse, one.mae, one.r2, one.pearson), (1, 4.0, 2.0, 2.0, None, None));
        let none = Regression::compute(2, &[], &[]);
        assert_eq!((none.n, none.mse, none.rmse, none.mae, none.r2), (0, 0.0, 0.0, 0.0, None));
    }

    #[test]
    fn a_large_offset_leaves_the_correlation() {
        let truth: Vec<f32> = TRUTH.iter().map(|x| x + 4096.0).collect();
        let pearson = Regression::compute(1, &truth, &PREDICTED).pearson.unwrap();
        assert!((pearson - 0.894074568399576).abs() < 1e-12, "{pearson}");
    }

    #[test]
    fn a_report_survives_json() {
        let metrics = Regression::compute(2, &[1.0, 2.0, 1.0, 3.0], &[1.0, 2.0, 2.0, 2.0]);
        let text = serde_json::to_string(&metrics).unwrap();
        assert!(text.contains("\"pearson\":null"), "{text}");
        assert_eq!(serde_json::from_str::<Regression>(&text).unwrap(), metrics);
    }
}
