//! MGDA (Désidéri 2012; Sener and Koltun 2018): the shortest vector in the convex hull of the gradients, along which no
//! task gets worse.

use serde_json::{Map, Value};

use super::solve::least_on_simplex;
use super::{Seen, Weighting, no_options};

struct Mgda;

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    no_options(&options)?;
    Ok(Box::new(Mgda))
}

impl Weighting for Mgda {
    /// They sum to 1.
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let gram = seen.gram.normalized(0.0);
        least_on_simplex(gram.n(), |x| gram.squared(x))
    }

    fn weighs_losses(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::Gram;

    fn coefficients(vectors: &[&[f32]]) -> Vec<f64> {
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
        Mgda.coefficients(&seen)
    }

    #[test]
    fn of_two_gradients_it_is_the_foot_of_the_perpendicular() {
        // α = (b − a)·b / |b − a|², Sener and Koltun, equation 5.
        let found = coefficients(&[&[1.0, 0.0], &[-1.0, 1.0]]);
        assert!((found[0] - 0.6).abs() < 1e-6 && (found[1] - 0.4).abs() < 1e-6, "{found:?}");
        let found = coefficients(&[&[1.0, 0.0], &[3.0, 0.0]]);
        assert!(found[0] > 1.0 - 1e-6, "{found:?}");
    }

    #[test]
    fn no_task_gets_worse() {
        let vectors: [&[f32]; 3] = [&[1.0, 0.2, 0.0], &[-0.8, 1.0, 0.3], &[0.1, -0.9, 1.0]];
        let found = coefficients(&vectors);
        let products = Gram::of(&vectors).times(&found);
        assert!(products.iter().all(|product| *product > 0.0), "{products:?}");
    }
}
