//! How early the right one of many candidates is found.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::nn::Matrix;

/// Rows that are asked, and candidates among which their own is looked for, at most; the first ones are taken.
const MOST: usize = 10_000;

/// How early each text's own partner is found, if all candidates are sorted by their cosine to the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Texts.
    pub n: usize,
    /// Candidates.
    pub n_candidates: usize,
    /// The share of texts whose partner comes first.
    pub recall_at_1: Option<f64>,
    /// The share of texts whose partner is among the first five.
    pub recall_at_5: Option<f64>,
    /// The share of texts whose partner is among the first ten.
    pub recall_at_10: Option<f64>,
    /// The mean of 1 / the partner's place.
    pub mrr: Option<f64>,
}

impl Retrieval {
    /// Of rows of `embeddings`: `anchors` are asked, and the partner of the i-th is the i-th of `candidates`.
    ///
    /// With more than 10,000 texts only the first 10,000 and as many candidates are looked at.
    pub fn compute(embeddings: &Matrix, anchors: &[usize], candidates: &[usize]) -> Self {
        let anchors = &anchors[..anchors.len().min(MOST)];
        let candidates = if anchors.len() == MOST { &candidates[..MOST] } else { candidates };
        let lengths: Vec<f64> = candidates.iter().map(|&row| length(embeddings.row(row))).collect();
        let place = |(i, &anchor): (usize, &usize)| {
            let asked = embeddings.row(anchor);
            let likeness = |at: usize| dot(asked, embeddings.row(candidates[at])) / lengths[at];
            let own = likeness(i);
            1 + (0..candidates.len()).filter(|&at| at != i && likeness(at) > own).count()
        };
        let places: Vec<usize> = anchors.par_iter().enumerate().map(place).collect();
        let n = places.len();
        let mean = |value: &dyn Fn(usize) -> f64| {
            (n > 0).then(|| places.iter().map(|&place| value(place)).sum::<f64>() / n as f64)
        };
        let within = |k: usize| mean(&|place| f64::from(u8::from(place <= k)));
        Self {
            n,
            n_candidates: candidates.len(),
            recall_at_1: within(1),
            recall_at_5: within(5),
            recall_at_10: within(10),
            mrr: mean(&|place| 1.0 / place as f64),
        }
    }
}

/// The cosine of two vectors; 0 if one of them is zero.
pub fn cosine(x: &[f32], y: &[f32]) -> f64 {
    dot(x, y) / (length(x) * length(y))
}

/// At least so long that nothing is divided by zero.
fn length(x: &[f32]) -> f64 {
    dot(x, x).sqrt().max(1e-12)
}

fn dot(x: &[f32], y: &[f32]) -> f64 {
    f64::from(x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_among_all_candidates() {
        let embeddings = Matrix::from_vec(4, 2, vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.1, 0.8, 0.0]);
        // The partner of (1, 0) is (0.9, 0.1), but (0.8, 0) is nearer; that of (0, 1) is found last.
        let found = Retrieval::compute(&embeddings, &[0, 1], &[2, 3]);
        assert_eq!((found.n, found.n_candidates), (2, 2));
        assert_eq!((found.recall_at_1, found.recall_at_5, found.mrr), (Some(0.0), Some(1.0), Some(0.5)));
        assert_eq!(Retrieval::compute(&embeddings, &[], &[]).mrr, None);
    }

    #[test]
    fn cosines() {
        assert!((cosine(&[3.0, 0.0], &[1.0, 1.0]) - 0.5f64.sqrt()).abs() < 1e-7);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
    }
}
