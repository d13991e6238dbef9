//! Nash-MTL (Navon et al. 2022, "Multi-task learning as a bargaining game"): the coefficients with which every task
//! gains alike in proportion, `G α = 1 / α`.

use serde_json::{Map, Value};

use super::{Gram, Seen, Weighting, no_options};

struct NashMtl;

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    no_options(&options)?;
    Ok(Box::new(NashMtl))
}

/// What is added to the diagonal of the normalised inner products, so that there is a solution.
const EPS: f64 = 1e-6;
const MAX_STEPS: usize = 2_000;

impl Weighting for NashMtl {
    /// The solution for the normalised inner products, scaled to sum to the number of tasks: only its direction
    /// matters where gradients are clipped.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let alpha = bargain(&seen.gram.normalized(EPS));
        let sum: f64 = alpha.iter().sum();
        alpha.iter().map(|alpha| alpha / sum * seen.tasks.len() as f64).collect()
    }

    fn weighs_losses(&self) -> bool {
        false
    }
}

/// The least of `½ αᵀ G α − Σ log α`, whose derivative is `G α − 1 / α`: convex, so coordinate by coordinate.
fn bargain(gram: &Gram) -> Vec<f64> {
    let mut alpha = vec![1.0; gram.n()];
    for _ in 0..MAX_STEPS {
        let mut change: f64 = 0.0;
        for i in 0..gram.n() {
            let others: f64 = (0..gram.n()).filter(|&j| j != i).map(|j| gram.at(i, j) * alpha[j]).sum();
            // The positive root of g α² + others α − 1.
            let root = (others * others + 4.0 * gram.at(i, i)).sqrt();
            let next =
                if others > 0.0 { 2.0 / (others + root) } else { (root - others) / (2.0 * gram.at(i, i)) };
            change = change.max((next / alpha[i] - 1.0).abs());
            alpha[i] = next;
        }
        if change <= 1e-13 {
            break;
        }
    }
    alpha
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_gains_in_proportion() {
        let gram = Gram::of(&[&[1.0, 0.2, 0.0], &[-0.8, 2.0, 0.3], &[0.1, -0.9, 0.5]]);
        let alpha = bargain(&gram);
        for (gain, alpha) in gram.times(&alpha).iter().zip(&alpha) {
            assert!((gain * alpha - 1.0).abs() < 1e-9 && *alpha > 0.0, "{alpha}");
        }
    }
}
