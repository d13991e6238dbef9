//! Every row once an epoch.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Epoch, Order, Sampling};

/// Every row once an epoch, in a new order each time, whatever it comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shuffle {}

pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Sampling>, String> {
    super::read::<Shuffle>(options).map(|sampling| Box::new(sampling) as _)
}

impl Sampling for Shuffle {
    fn shares(&self, epoch: &Epoch<'_>) -> Vec<f64> {
        epoch.powers(1.0)
    }

    fn order(&self) -> Order {
        Order::Plain
    }
}
