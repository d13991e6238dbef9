//! Dynamic weight average (Liu et al. 2019, "End-to-end multi-task learning with attention"): tasks whose loss falls
//! slowly count more.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Seen, Weighting, read_options};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dwa {
    // Large temperatures make all tasks alike.
    #[serde(default = "two")]
    temperature: f64,
}

fn two() -> f64 {
    2.0
}

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    let dwa: Dwa = read_options(options)?;
    if dwa.temperature > 0.0 && dwa.temperature.is_finite() {
        return Ok(Box::new(dwa));
    }
    Err(format!("`temperature` is {}; expected more than 0", dwa.temperature))
}

impl Weighting for Dwa {
    /// `T · softmax(r / temperature)` with `r` the quotient of the mean losses of the last two epochs; 1 before there
    /// are two (LibMTL's `DWA`).
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let [.., before, last] = seen.epochs else { return vec![1.0; seen.tasks.len()] };
        let rate = |&task: &usize| match (before[task], last[task]) {
            (Some(before), Some(last)) if before > 0.0 => last / before,
            _ => 1.0,
        };
        let rates: Vec<f64> = seen.tasks.iter().map(|task| (rate(task) / self.temperature).exp()).collect();
        let sum: f64 = rates.iter().sum();
        rates.iter().map(|rate| rate / sum * rates.len() as f64).collect()
    }

    fn needs_gram(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    /// Expected values: `2 * torch.softmax(torch.tensor([0.5, 1.0]) / 2, -1)`.
    #[test]
    fn a_loss_that_falls_slowly_counts_more() {
        let gram = Gram::of(&[&[1.0], &[1.0]]);
        let epochs = [vec![Some(2.0), Some(3.0)], vec![Some(1.0), Some(3.0)]];
        let (tasks, ones) = (&[0, 1], &[1.0, 1.0]);
        let mut seen = Seen { tasks, losses: ones, weights: ones, gram: &gram, epochs: &epochs, seed: 0 };
        let mut dwa = Dwa { temperature: 2.0 };
        let found = dwa.coefficients(&seen);
        assert!((found[0] - 0.875_647).abs() < 1e-6 && (found[1] - 1.124_353).abs() < 1e-6, "{found:?}");
        seen.epochs = &epochs[..1];
        assert_eq!(dwa.coefficients(&seen), [1.0, 1.0]);
    }
}
