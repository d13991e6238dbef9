//! Groups in proportion to a root of their rows.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Epoch, Sampling};

/// `p_i ∝ w_i n_i^(1/T)` (Devlin et al.: multilingual BERT, 2018; Raffel et al.: "Exploring the limits of transfer
/// learning with a unified text-to-text transformer", 2020).
///
/// Between proportional (T = 1) and equal (T → ∞): small groups come more often than they would, large ones still more
/// often than small ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Temperature {
    #[serde(default = "two")]
    temperature: f64,
}

fn two() -> f64 {
    2.0
}

pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Sampling>, String> {
    let sampling: Temperature = super::read(options)?;
    match sampling.temperature > 0.0 {
        true => Ok(Box::new(sampling)),
        false => Err(format!("`temperature` is {}; expected above 0", sampling.temperature)),
    }
}

impl Sampling for Temperature {
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64> {
        epoch.powers(1.0 / self.temperature)
    }
}
