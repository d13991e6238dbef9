//! PCGrad (Yu et al. 2020, "Gradient surgery for multi-task learning"): of each task's gradient, what points against
//! another task's is taken away, the other tasks in an order drawn by chance.

use serde_json::{Map, Value};

use super::{Gram, Seen, Weighting, no_options};
use crate::random::Random;

struct PcGrad;

pub(super) fn make(_: usize, options: Map<String, Value>) -> Result<Box<dyn Weighting>, String> {
    no_options(&options)?;
    Ok(Box::new(PcGrad))
}

impl Weighting for PcGrad {
    fn coefficients(&mut self, seen: &Seen<'_>) -> Vec<f64> {
        let n = seen.tasks.len();
        let mut random = Random::new(seen.seed);
        let orders = (0..n).map(|i| {
            let mut others: Vec<usize> = (0..n).filter(|&j| j != i).collect();
            for last in (1..others.len()).rev() {
                others.swap(last, random.below(last + 1));
            }
            others
        });
        surgery(seen.gram, &orders.collect::<Vec<_>>())
    }

    fn weighs_losses(&self) -> bool {
        false
    }
}

/// The sum of all projected gradients, as coefficients of the gradients; `orders` are those in which each meets the
/// others.
fn surgery(gram: &Gram, orders: &[Vec<usize>]) -> Vec<f64> {
    let n = gram.n();
    let mut sum = vec![0.0; n];
    for (i, order) in orders.iter().enumerate() {
        let mut own = vec![0.0; n];
        own[i] = 1.0;
        for &j in order {
            let product = gram.times(&own)[j];
            if product < 0.0 && gram.at(j, j) > 0.0 {
                own[j] -= product / gram.at(j, j);
            }
        }
        sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projections_are_those_of_the_paper() {
        let (a, b, c) = ([1.0, 0.0, 0.5], [-0.5, 1.0, 0.0], [0.2, -1.0, 1.0]);
        let gram = Gram::of(&[&a, &b, &c]);
        let orders = [vec![1, 2], vec![2, 0], vec![0, 1]];
        let found = surgery(&gram, &orders);
        // The same with the vectors themselves.
        let vectors = [a, b, c].map(|v| v.map(f64::from));
        let dot = |x: &[f64; 3], y: &[f64; 3]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let mut expected = [0.0; 3];
        for (i, order) in orders.iter().enumerate() {
            let mut own = vectors[i];
            for &j in order {
                let product = dot(&own, &vectors[j]);
                if product < 0.0 {
                    let share = product / dot(&vectors[j], &vectors[j]);
                    own.iter_mut().zip(vectors[j]).for_each(|(own, other)| *own -= share * other);
                }
            }
            expected.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        for axis in 0..3 {
            let sum: f64 = (0..3).map(|task| found[task] * vectors[task][axis]).sum();
            assert!((sum - expected[axis]).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn gradients_that_agree_stay() {
        let gram = Gram::of(&[&[1.0, 0.1], &[0.5, 0.5]]);
        assert_eq!(surgery(&gram, &[vec![1], vec![0]]), [1.0, 1.0]);
    }
}
