//! Groups in proportion to their rows at first, and nearly alike at the end.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Epoch, Sampling};

/// `p_i ∝ w_i n_i^α` with `α = 1 − 0.8 (e − 1) / (E − 1)` in epoch e of E (Stickland and Murray: "BERT and PALs",
/// 2019).
///
/// To choose where small groups are to have their say at the end without being overfitted before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Annealed {}

pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Sampling>, String> {
    super::read::<Annealed>(options).map(|sampling| Box::new(sampling) as _)
}

impl Sampling for Annealed {
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64> {
        let progress = epoch.epoch as f64 / epoch.n_epochs.saturating_sub(1).max(1) as f64;
        epoch.powers(1.0 - 0.8 * progress)
    }
}
