//! Random loss weighting (Lin et al. 2022, "Reasonable effectiveness of random weighting"): a softmax of normal
//! numbers, new each step.

use serde_json::{Map, Value};

use super::{Seen, Weighting, no_options};
use crate::random::Random;

struct RandomLoss;

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    no_options(&options)?;
    Ok(Box::new(RandomLoss))
}

impl Weighting for RandomLoss {
    /// They sum to the number of tasks, so that steps are as long as with fixed weights.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let mut random = Random::new(seen.seed);
        let drawn: Vec<f64> = seen.tasks.iter().map(|_| f64::from(random.normal()).exp()).collect();
        let sum: f64 = drawn.iter().sum();
        drawn.iter().map(|one| one / sum * drawn.len() as f64).collect()
    }

    fn needs_gram(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    #[test]
    fn a_seed_draws_the_same_again() {
        let gram = Gram::of(&[&[1.0], &[1.0]]);
        let draw = |seed| {
            let (tasks, ones) = (&[0, 1], &[1.0, 1.0]);
            let seen = Seen { tasks, losses: ones, weights: ones, gram: &gram, epochs: &[], seed };
            RandomLoss.coefficients(&seen)
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((draw(3).iter().sum::<f64>() - 2.0).abs() < 1e-12);
    }
}
