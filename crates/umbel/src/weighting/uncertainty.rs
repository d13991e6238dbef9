//! Uncertainty weighting (Kendall et al. 2018): the loss `Σ L / (2 exp(s)) + s / 2`, with an `s` for each task that is
//! learned too.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Seen, Weighting, numbers, read_options};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    // How fast the log variances move (Adam with PyTorch's other defaults).
    #[serde(default = "hundredth")]
    learning_rate: f64,
}

fn hundredth() -> f64 {
    0.01
}

struct Uncertainty {
    learning_rate: f64,
    // Of all tasks: the log variances, and Adam's means and steps.
    log_variances: Vec<f64>,
    means: Vec<f64>,
    squares: Vec<f64>,
    steps: Vec<f64>,
}

/// LibMTL's start.
const START: f64 = -0.5;
const BETAS: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;

pub(super) fn make(n_tasks: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    let Options { learning_rate } = read_options(options)?;
    if !(learning_rate > 0.0 && learning_rate.is_finite()) {
        return Err(format!("`learning_rate` is {learning_rate}; expected more than 0"));
    }
    let [means, squares, steps] = [(); 3].map(|()| vec![0.0; n_tasks]);
    Ok(Box::new(Uncertainty { learning_rate, log_variances: vec![START; n_tasks], means, squares, steps }))
}

impl Weighting for Uncertainty {
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let coefficient = |&task: &usize| 0.5 * (-self.log_variances[task]).exp();
        let coefficients: Vec<f64> = seen.tasks.iter().map(coefficient).collect();
        for (i, &task) in seen.tasks.iter().enumerate() {
            self.learn(task, 0.5 - coefficients[i] * seen.losses[i]);
        }
        coefficients
    }

    fn needs_gram(&self) -> bool {
        false
    }

    fn state(&self) -> Value {
        let Self { log_variances, means, squares, steps, .. } = self;
        json!({"log_variances": log_variances, "means": means, "squares": squares, "steps": steps})
    }

    fn restore(&mut self, state: &Value) -> Result<(), String> {
        let n = self.log_variances.len();
        self.log_variances = numbers(state, "log_variances", n)?;
        self.means = numbers(state, "means", n)?;
        self.squares = numbers(state, "squares", n)?;
        self.steps = numbers(state, "steps", n)?;
        Ok(())
    }
}

impl Uncertainty {
    /// A step of Adam.
    fn learn(&mut self, task: usize, gradient: f64) {
        self.steps[task] += 1.0;
        self.means[task] += (1.0 - BETAS[0]) * (gradient - self.means[task]);
        self.squares[task] += (1.0 - BETAS[1]) * (gradient * gradient - self.squares[task]);
        let mean = self.means[task] / (1.0 - BETAS[0].powf(self.steps[task]));
        let square = self.squares[task] / (1.0 - BETAS[1].powf(self.steps[task]));
        self.log_variances[task] -= self.learning_rate * mean / (square.sqrt() + EPS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    #[test]
    fn the_coefficient_finds_half_the_inverse_loss_and_resumes() {
        let gram = Gram::of(&[&[1.0], &[1.0]]);
        let (tasks, losses, ones) = (&[0, 1], &[4.0, 0.25], &[1.0, 1.0]);
        let seen = Seen { tasks, losses, weights: ones, gram: &gram, epochs: &[], seed: 0 };
        let mut weighting = make(2, Map::new()).unwrap();
        assert!((weighting.coefficients(&seen)[0] - 0.5 * 0.5f64.exp()).abs() < 1e-12);
        (0..3000).for_each(|_| drop(weighting.coefficients(&seen)));
        let mut resumed = make(2, Map::new()).unwrap();
        resumed.restore(&weighting.state()).unwrap();
        let found = weighting.coefficients(&seen);
        // The loss is least where L / (2 exp(s)) = 1 / 2.
        assert!((found[0] - 0.125).abs() < 1e-2 && (found[1] - 2.0).abs() < 0.1, "{found:?}");
        assert_eq!(resumed.coefficients(&seen), found);
        assert!(resumed.restore(&json!({})).is_err());
    }
}
