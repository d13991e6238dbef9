//! UPGrad (Quinton and Rey 2024, "Jacobian descent for multi-objective optimization"): the mean of all gradients, each
//! first moved as little as possible to where it makes no task worse.

use serde_json::{Map, Value};

use super::solve::least_above;
use super::{Seen, Weighting, no_options};

struct UpGrad;

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    no_options(&options)?;
    Ok(Box::new(UpGrad))
}

/// What is added to the diagonal of the normalised inner products, as TorchJD's `reg_eps`.
const EPS: f64 = 1e-4;

impl Weighting for UpGrad {
    /// The projection of a gradient onto the dual cone has the coefficients `v` that make `½ vᵀ G v` least among all
    /// that are at least the gradient's own; times the number of tasks, so that gradients that agree stay.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let gram = seen.gram.normalized(EPS);
        let mut sum = vec![0.0; gram.n()];
        for task in 0..gram.n() {
            let mut own = vec![0.0; gram.n()];
            own[task] = 1.0;
            sum.iter_mut().zip(least_above(&gram, &own)).for_each(|(sum, v)| *sum += v);
        }
        sum
    }

    fn weighs_losses(&self) -> bool {
        false
    }
}
