//! GradNorm (Chen et al. 2018): coefficients are learned that make the tasks' gradients alike long, those of tasks that
//! lag behind longer.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Seen, Weighting, numbers, read_options};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    // How much longer the gradients of tasks that lag behind shall be.
    #[serde(default = "usual")]
    alpha: f64,
    #[serde(default = "hundredth")]
    learning_rate: f64,
}

fn usual() -> f64 {
    1.5
}

fn hundredth() -> f64 {
    0.01
}

struct GradNorm {
    alpha: f64,
    learning_rate: f64,
    // Of all tasks; the coefficients are T · softmax of these.
    logits: Vec<f64>,
    // Each task's first loss; 0 until it is known.
    first: Vec<f64>,
}

pub(super) fn make(n_tasks: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    let Options { alpha, learning_rate } = read_options(options)?;
    if !(alpha >= 0.0 && learning_rate > 0.0 && alpha.is_finite() && learning_rate.is_finite()) {
        return Err("`alpha` must be 0 or more and `learning_rate` more than 0".to_string());
    }
    let (logits, first) = (vec![0.0; n_tasks], vec![0.0; n_tasks]);
    Ok(Box::new(GradNorm { alpha, learning_rate, logits, first }))
}

impl Weighting for GradNorm {
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let n = seen.tasks.len() as f64;
        let powers: Vec<f64> = seen.tasks.iter().map(|&task| self.logits[task].exp()).collect();
        let sum: f64 = powers.iter().sum();
        let coefficients: Vec<f64> = powers.iter().map(|power| n * power / sum).collect();

        let progress: Vec<f64> = (seen.tasks.iter().zip(seen.losses))
            .map(|(&task, &loss)| {
                if self.first[task] <= 0.0 {
                    self.first[task] = loss;
                }
                if self.first[task] > 0.0 { loss / self.first[task] } else { 1.0 }
            })
            .collect();
        let mean_progress = (progress.iter().sum::<f64>() / n).max(f64::MIN_POSITIVE);
        let norms: Vec<f64> = coefficients.iter().enumerate().map(|(i, c)| c * seen.gram.norm(i)).collect();
        let mean_norm = norms.iter().sum::<f64>() / n;
        // The slope of Σ |norm − target| by each coefficient, then by each logit.
        let slope = |i: usize| {
            let target = mean_norm * (progress[i] / mean_progress).powf(self.alpha);
            if norms[i] > target { seen.gram.norm(i) } else { -seen.gram.norm(i) }
        };
        let slopes: Vec<f64> = (0..seen.tasks.len()).map(slope).collect();
        let mean: f64 = slopes.iter().zip(&coefficients).map(|(slope, c)| slope * c / n).sum();
        // Gradients may be of any length: the logits move by the direction, not by it.
        let scale = mean_norm.max(f64::MIN_POSITIVE);
        for (i, &task) in seen.tasks.iter().enumerate() {
            self.logits[task] -= self.learning_rate * coefficients[i] * (slopes[i] - mean) / scale;
        }
        coefficients
    }

    fn state(&self) -> Value {
        json!({"logits": self.logits, "first": self.first})
    }

    fn restore(&mut self, state: &Value) -> Result<(), String> {
        self.logits = numbers(state, "logits", self.logits.len())?;
        self.first = numbers(state, "first", self.first.len())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    #[test]
    fn gradients_become_alike_long() {
        let gram = Gram::of(&[&[4.0, 0.0], &[0.0, 1.0]]);
        let (tasks, ones) = (&[0, 1], &[1.0, 1.0]);
        let seen = Seen { tasks, losses: ones, weights: ones, gram: &gram, epochs: &[], seed: 0 };
        let mut weighting = make(2, Map::new()).unwrap();
        assert_eq!(weighting.coefficients(&seen), [1.0, 1.0]);
        (0..2000).for_each(|_| drop(weighting.coefficients(&seen)));
        let mut resumed = make(2, Map::new()).unwrap();
        resumed.restore(&weighting.state()).unwrap();
        let found = weighting.coefficients(&seen);
        // 4 · 0.4 = 1 · 1.6
        assert!((found[0] - 0.4).abs() < 0.03 && (found[1] - 1.6).abs() < 0.03, "{found:?}");
        assert_eq!(resumed.coefficients(&seen), found);
    }
}
