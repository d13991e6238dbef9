//! CAGrad (Liu et al. 2021, "Conflict-averse gradient descent"): near the mean gradient, the direction in which the
//! task that gains least gains most.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::solve::least_on_simplex;
use super::{Seen, Weighting, read_options};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaGrad {
    // How far from the mean gradient the direction may be, as a part of its length.
    #[serde(default = "usual")]
    c: f64,
}

fn usual() -> f64 {
    0.5
}

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    let cagrad: CaGrad = read_options(options)?;
    if (0.0..1.0).contains(&cagrad.c) {
        return Ok(Box::new(cagrad));
    }
    Err(format!("`c` is {}; expected 0 or more and below 1", cagrad.c))
}

impl Weighting for CaGrad {
    /// `1/T + c |g₀| / |g_w| w`, with `g₀` the mean and `w` of the simplex where `g_w · g₀ + c |g₀| |g_w|` is least
    /// (the paper's algorithm 1); times the number of tasks, so that `c = 0` is the sum.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let n = seen.tasks.len();
        let gram = seen.gram.normalized(0.0);
        let mean = vec![1.0 / n as f64; n];
        let to_mean = gram.times(&mean);
        let radius = self.c * gram.squared(&mean).max(0.0).sqrt();
        let length = |w: &[f64]| gram.squared(w).max(0.0).sqrt();
        let w = least_on_simplex(n, |w| {
            w.iter().zip(&to_mean).map(|(w, product)| w * product).sum::<f64>() + radius * length(w)
        });
        let scale = radius / length(&w).max(f64::MIN_POSITIVE.sqrt());
        w.iter().map(|w| 1.0 + n as f64 * scale * w).collect()
    }

    fn weighs_losses(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    fn coefficients(c: f64, vectors: &[&[f32]]) -> Vec<f64> {
        let (gram, tasks, ones) = (Gram::of(vectors), &[0, 1, 2], &[1.0; 3]);
        let n = vectors.len();
        let seen = Seen {
            tasks: &tasks[..n],
            losses: &ones[..n],
            weights: &ones[..n],
            gram: &gram,
            epochs: &[],
            seed: 0,
        };
        CaGrad { c }.coefficients(&seen)
    }

    #[test]
    fn without_a_radius_it_is_the_sum() {
        assert_eq!(coefficients(0.0, &[&[1.0, 0.0], &[-1.0, 1.0]]), [1.0, 1.0]);
    }
}
