//! As many rows of each group.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Epoch, Order, Sampling};

/// `p_i ∝ w_i`: groups take turns, as many rows of each, times their weights.
///
/// To choose where each group counts alike; a small one then comes often, and is overfitted sooner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equal {}

pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Sampling>, String> {
    super::read::<Equal>(options).map(|sampling| Box::new(sampling) as _)
}

impl Sampling for Equal {
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64> {
        epoch.powers(0.0)
    }

    fn order(&self) -> Order {
        Order::RoundRobin
    }
}
