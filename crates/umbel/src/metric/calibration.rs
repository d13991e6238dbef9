//! How often answers of some probability are right.

use serde::{Deserialize, Serialize};

/// Bins of equal width.
const N_BINS: usize = 15;

/// How often answers of some probability are right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// The expected calibration error (Guo et al. 2017): the mean over answers of the gap of their bin.
    pub ece: f64,
    /// The bins that have answers, from the least probability on.
    pub bins: Vec<ReliabilityBin>,
}

/// Answers of like probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// How many there are.
    pub n: usize,
    /// Their mean probability.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
}

impl ReliabilityBin {
    /// From where to where its probabilities reach; the upper end belongs to it.
    pub fn bounds(&self) -> (f64, f64) {
        let upper = (self.confidence * N_BINS as f64 - 1e-9).ceil().clamp(1.0, N_BINS as f64);
        ((upper - 1.0) / N_BINS as f64, upper / N_BINS as f64)
    }
}

impl Reliability {
    /// From the probability of each answer and whether it was right, over 15 bins of equal width, closed above.
    pub fn compute(answers: &[(f32, bool)]) -> Self {
        let bin_of =
            |confidence: f32| ((f64::from(confidence) * N_BINS as f64).ceil() as usize).clamp(1, N_BINS) - 1;
        let mut sums = vec![(0usize, 0.0, 0usize); N_BINS];
        for &(confidence, right) in answers {
            let (n, sum, n_right) = &mut sums[bin_of(confidence)];
            *n += 1;
            *sum += f64::from(confidence);
            *n_right += usize::from(right);
        }
        let bins: Vec<ReliabilityBin> = sums
            .into_iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, sum, right)| ReliabilityBin {
                n,
                confidence: sum / n as f64,
                accuracy: right as f64 / n as f64,
            })
            .collect();
        let gap = |bin: &ReliabilityBin| bin.n as f64 * (bin.confidence - bin.accuracy).abs();
        let ece = bins.iter().map(gap).sum::<f64>() / answers.len().max(1) as f64;
        Self { ece, bins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_like_probability_share_a_bin() {
        let found = Reliability::compute(&[(0.95, true), (1.0, false), (0.5, true)]);
        assert_eq!(found.bins.iter().map(|bin| bin.n).collect::<Vec<_>>(), [1, 2]);
        assert!((found.ece - (0.5 + 2.0 * 0.475) / 3.0).abs() < 1e-6, "{}", found.ece);
        assert_eq!(Reliability::compute(&[]).ece, 0.0);
    }

    #[test]
    fn a_bin_knows_its_bounds() {
        let found = Reliability::compute(&[(0.0, false), (0.5, true), (1.0, true)]);
        let bounds: Vec<(f64, f64)> = found.bins.iter().map(ReliabilityBin::bounds).collect();
        assert_eq!(bounds, [(0.0, 1.0 / 15.0), (7.0 / 15.0, 8.0 / 15.0), (14.0 / 15.0, 1.0)]);
    }
}
