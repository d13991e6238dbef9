//! Confident learning (Northcutt, Jiang and Chuang: "Confident learning: estimating uncertainty in dataset labels",
//! 2021), and residuals beyond what their median spread allows.

/// A row whose label is likely wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Doubt {
    /// The row.
    pub(super) row: usize,
    /// The class that it likely has.
    pub(super) class: usize,
    /// `p(given) − max p(other)`: the smaller, the likelier the label is wrong.
    pub(super) margin: f64,
}

/// The rows whose label is likely wrong, the likeliest first.
///
/// `probabilities` has a row a labelled row, each class's probability by a model that did not learn from the row;
/// `given` is each row's class. The threshold of class j is its mean self-confidence, `t_j = mean of p_j over the rows
/// given as j`. A row counts as class `argmax of p_j over all j with p_j ≥ t_j`, and as none if there is no such j; it
/// is doubted if that is another class than the given one (the confident joint's entries off the diagonal).
pub(super) fn doubts(probabilities: &[Vec<f64>], given: &[usize]) -> Vec<Doubt> {
    let thresholds = thresholds(probabilities, given);
    let mut doubts: Vec<Doubt> = Vec::new();
    for (row, (p, &own)) in probabilities.iter().zip(given).enumerate() {
        let confident = (0..p.len()).filter(|&class| p[class] >= thresholds[class]);
        let Some(class) = confident.max_by(|&a, &b| p[a].total_cmp(&p[b]).then(b.cmp(&a))) else { continue };
        if class != own {
            let others = (0..p.len()).filter(|&other| other != own).map(|other| p[other]);
            doubts.push(Doubt { row, class, margin: p[own] - others.fold(f64::MIN, f64::max) });
        }
    }
    doubts.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.row.cmp(&b.row)));
    doubts
}

/// The mean self-confidence of each class; that of a class without rows is out of reach.
fn thresholds(probabilities: &[Vec<f64>], given: &[usize]) -> Vec<f64> {
    let n_classes = probabilities.first().map_or(0, Vec::len);
    let (mut sums, mut counts) = (vec![0.0; n_classes], vec![0usize; n_classes]);
    for (p, &own) in probabilities.iter().zip(given) {
        sums[own] += p[own];
        counts[own] += 1;
    }
    let mean = |(sum, n): (f64, usize)| if n > 0 { sum / n as f64 } else { f64::INFINITY };
    sums.into_iter().zip(counts).map(mean).collect()
}

/// Residuals further from their median than 3.5 robust standard deviations, the furthest first, with how many it is.
///
/// A robust standard deviation is 1.4826 · MAD, the median absolute deviation from the median (Iglewicz and Hoaglin:
/// "How to detect and handle outliers", 1993).
pub(super) fn far_residuals(residuals: &[f64]) -> Vec<(usize, f64)> {
    const FAR: f64 = 3.5;
    let middle = median(residuals.to_vec());
    let sd = 1.4826 * median(residuals.iter().map(|residual| (residual - middle).abs()).collect());
    if sd.is_nan() || sd <= 0.0 {
        return Vec::new(); // Half of the rows have the same residual: nothing says what is far.
    }
    let scaled = residuals.iter().map(|residual| (residual - middle) / sd).enumerate();
    let mut far: Vec<(usize, f64)> = scaled.filter(|(_, z)| z.abs() > FAR).collect();
    far.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    far
}

/// The median; NaN of no numbers.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => numbers[n / 2],
        n => (numbers[n / 2 - 1] + numbers[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_doubted_where_another_class_is_above_its_threshold() {
        // Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.7 + 0.45) / 2 = 0.575.
        let p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45]];
        let p: Vec<Vec<f64>> = p.iter().map(|p| p.to_vec()).collect();
        let found = doubts(&p, &[0, 0, 0, 1, 1]);
        assert_eq!(found.len(), 1, "{found:?}"); // 0.55 is below the threshold of class 0.
        assert_eq!((found[0].row, found[0].class), (2, 1));
        assert!((found[0].margin + 0.8).abs() < 1e-12);
    }

    #[test]
    fn the_likeliest_come_first_and_unseen_classes_are_never_suggested() {
        let p = [[0.5, 0.2, 0.3], [0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9], [0.6, 0.4, 0.0]];
        let p: Vec<Vec<f64>> = p.iter().map(|p| p.to_vec()).collect();
        let found = doubts(&p, &[0, 1, 1, 0, 1]);
        assert_eq!(found.iter().map(|doubt| (doubt.row, doubt.class)).collect::<Vec<_>>(), [(1, 0), (4, 0)]);
        assert!(doubts(&[], &[]).is_empty());
    }

    #[test]
    fn residuals_are_far_by_their_median_spread() {
        let mut residuals: Vec<f64> = (0..101).map(|i| f64::from(i) / 100.0).collect();
        residuals[7] = 50.0; // Would lift a plain standard deviation to five, and hide the next.
        residuals[8] = -3.0;
        let found: Vec<usize> = far_residuals(&residuals).into_iter().map(|(row, _)| row).collect();
        assert_eq!(found, [7, 8]);
        assert!(far_residuals(&[1.0; 9]).is_empty() && far_residuals(&[]).is_empty());
    }
}
