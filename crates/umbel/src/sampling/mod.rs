//! From which group of rows how many come in an epoch. A sampling a file.
//!
//! A group is a data source, or the rows that carry a task's label. A sampling says nothing but shares: which rows of a
//! group come, and in which order, is the training plan's business.
//!
//! To add one: a file with a type that implements [`Sampling`], and its line in [`SAMPLINGS`].

mod annealed;
mod equal;
mod proportional;
mod shuffle;
mod temperature;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::registry::Registry;

/// What a sampling knows of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Epoch<'a> {
    /// Rows of each group, all above 0.
    pub sizes: &'a [usize],
    /// What the settings multiply each group's share by, all above 0.
    pub weights: &'a [f64],
    /// The epoch, from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub n_epochs: usize,
}

impl Epoch<'_> {
    /// Shares in proportion to `weight · size^exponent`; they sum to 1.
    pub fn powers(&self, exponent: f64) -> Vec<f64> {
        // By way of logarithms, and less the largest: no size is too large for its power.
        let logs: Vec<f64> = self.sizes.iter().map(|&size| exponent * (size as f64).ln()).collect();
        let largest = logs.iter().copied().fold(f64::MIN, f64::max);
        let powers = logs.iter().zip(self.weights).map(|(log, weight)| weight * (log - largest).exp());
        let powers: Vec<f64> = powers.collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    }
}

/// In which order the rows of an epoch come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All rows are one group, whatever they come from.
    Plain,
    /// Groups follow one another at random.
    Random,
    /// Groups take turns.
    RoundRobin,
}

/// From which group how many rows come in an epoch.
pub trait Sampling: Send + Sync + std::fmt::Debug {
    /// Each group's share of an epoch; they sum to 1.
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64>;

    /// How rows of the groups follow one another.
    fn order(&self) -> Order {
        Order::Random
    }
}

/// Makes a sampling of its options.
pub type Make = fn(Map<String, Value>) -> Result<Box<dyn Sampling>, String>;

/// All samplings by name.
pub static SAMPLINGS: Registry<Make> = Registry {
    kind: "sampling",
    entries: &[
        ("annealed", annealed::make),
        ("equal", equal::make),
        ("proportional", proportional::make),
        ("shuffle", shuffle::make),
        ("temperature", temperature::make),
    ],
};

/// The sampling of that name.
///
/// # Errors
/// If there is none, or its options cannot be.
pub fn make(kind: &str, options: Map<String, Value>) -> Result<Box<dyn Sampling>> {
    let make = SAMPLINGS.find(kind)?;
    make(options).map_err(|problem| Error::Settings(format!("`train.sampling`, `{kind}`: {problem}")))
}

fn read<T: DeserializeOwned>(options: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(options)).map_err(|error| error.to_string())
}

/// How many of `n` rows each group gives: its share, rounded so that they sum to `n`, and one row at least if there
/// are so many.
///
/// Where shares are not whole, the largest remainders get a row more.
pub fn quotas(shares: &[f64], n: usize) -> Vec<usize> {
    let least = usize::from(n >= shares.len());
    let exact: Vec<f64> = shares.iter().map(|share| share * n as f64).collect();
    let mut quotas: Vec<usize> = exact.iter().map(|exact| (exact.floor() as usize).max(least)).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let sum: usize = quotas.iter().sum();
    order.iter().cycle().take(n.saturating_sub(sum)).for_each(|&group| quotas[group] += 1);
    for _ in n..sum {
        // The rows that lifted groups to one are taken from the largest.
        let largest = (0..quotas.len()).max_by_key(|&group| quotas[group]).expect("there is a group");
        quotas[largest] -= 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIZES: [usize; 3] = [1600, 400, 100];

    fn shares(kind: &str, options: Value, epoch: usize, weights: &[f64]) -> Vec<f64> {
        let sampling = make(kind, options.as_object().unwrap().clone()).unwrap();
        sampling.shares(&Epoch { sizes: &SIZES, weights, epoch, n_epochs: 5 })
    }

    fn check(kind: &str, options: Value, epoch: usize, expected: [f64; 3]) {
        let sum: f64 = expected.iter().sum();
        let found = shares(kind, options, epoch, &[1.0; 3]);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected / sum).abs() < 1e-12, "{kind} {epoch}: {found} {expected}");
        }
    }

    #[test]
    fn shares_are_those_of_the_formulas() {
        check("proportional", json!({}), 0, [16.0, 4.0, 1.0]);
        check("shuffle", json!({}), 0, [16.0, 4.0, 1.0]);
        check("equal", json!({}), 0, [1.0, 1.0, 1.0]);
        check("temperature", json!({}), 0, [4.0, 2.0, 1.0]); // The square roots.
        check("temperature", json!({"temperature": 1}), 3, [16.0, 4.0, 1.0]);
        check("temperature", json!({"temperature": 4}), 3, [2.0, 2f64.sqrt(), 1.0]);
        // α = 1, and at the end 0.2.
        check("annealed", json!({}), 0, [16.0, 4.0, 1.0]);
        check("annealed", json!({}), 4, [16f64.powf(0.2), 4f64.powf(0.2), 1.0]);
        check("annealed", json!({}), 2, [16f64.powf(0.6), 4f64.powf(0.6), 1.0]);
    }

    #[test]
    fn weights_multiply_shares() {
        let found = shares("equal", json!({}), 0, &[2.0, 1.0, 1.0]);
        assert_eq!(found, [0.5, 0.25, 0.25]);
    }

    #[test]
    fn options_that_cannot_be_are_errors() {
        let error = |kind: &str, options: Value| {
            make(kind, options.as_object().unwrap().clone()).err().unwrap().to_string()
        };
        assert!(error("temperatur", json!({})).contains("did you mean `temperature`?"));
        assert!(
            error("temperature", json!({"temperature": 0})).contains("`temperature` is 0; expected above 0")
        );
        assert!(error("equal", json!({"temperature": 2})).contains("unknown field `temperature`"));
    }

    #[test]
    fn quotas_sum_to_the_rows_of_an_epoch() {
        assert_eq!(quotas(&[0.5, 0.3, 0.2], 10), [5, 3, 2]);
        assert_eq!(quotas(&[1.0 / 3.0; 3], 10).iter().sum::<usize>(), 10);
        assert_eq!(quotas(&[0.9999, 0.0001], 100), [99, 1], "a small group is never left out");
        assert_eq!(quotas(&[0.998, 0.001, 0.001], 4), [2, 1, 1]);
        assert_eq!(quotas(&[0.6, 0.4], 1), [1, 0]);
    }
}
