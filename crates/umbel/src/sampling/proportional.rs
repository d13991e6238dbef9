//! Groups in proportion to their rows.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Epoch, Sampling};

/// `p_i ∝ w_i n_i`: groups in proportion to their rows, times their weights.
///
/// To choose where weights alone are to say what counts more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proportional {}

pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Sampling>, String> {
    super::read::<Proportional>(options).map(|sampling| Box::new(sampling) as _)
}

impl Sampling for Proportional {
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64> {
        epoch.powers(1.0)
    }
}
