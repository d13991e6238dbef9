//! The learning rate of each part of a model.

use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::params::Part;
use crate::settings::TrainSettings;

use super::parts::{PartName, n_own_layers};

/// Each weight's learning rate as a multiple of `train.learning_rate`.
///
/// A part that `train.part_learning_rates` names has that rate; the most exact name counts. `layer_decay` d shapes
/// what is not named, or only as `backbone`: of n layers, layer i has the rate times d^(n − i), embeddings times
/// d^(n + 1), a last norm times d, as heads and projection would have it times d^0 (Howard and Ruder 2018, with
/// d = 1 / 2.6; ELECTRA, Clark et al. 2020, has one power more throughout).
///
/// # Errors
/// If a name is unknown, names what is not there, or two names are as exact for one weight.
pub(super) fn factors(model: &Model, settings: &TrainSettings) -> Result<Vec<f64>> {
    let given = settings.part_learning_rates.iter();
    let given = given.map(|(name, rate)| {
        Ok((name, PartName::parse("part_learning_rates", name, model)?, rate / settings.learning_rate))
    });
    let given: Vec<(&String, PartName, f64)> = given.collect::<Result<_>>()?;
    let n_layers = n_own_layers(model);
    let factor = |part: &Part| {
        let mut holding: Vec<_> = given.iter().filter(|(_, name, _)| name.holds(part)).collect();
        holding.sort_by_key(|(_, name, _)| std::cmp::Reverse(name.exactness()));
        match &holding[..] {
            [(a, name, _), (b, other, _), ..] if name.exactness() == other.exactness() => {
                let problem = format!("`train.part_learning_rates` has `{a}` and `{b}`, which overlap");
                Err(Error::Settings(problem))
            }
            [(_, name, factor), ..] if *name != PartName::Backbone => Ok(*factor),
            holding => {
                let base = holding.first().map_or(1.0, |(_, _, factor)| *factor);
                Ok(base * settings.layer_decay.powi(depth(part, n_layers) as i32))
            }
        }
    };
    model.params.iter().map(|(_, param)| factor(param.part())).collect()
}

/// How far below the heads a part lies.
fn depth(part: &Part, n_layers: usize) -> usize {
    match part {
        Part::Head(_) | Part::Projection => 0,
        Part::Encoder => 1,
        Part::Layer(layer) => n_layers - layer,
        Part::Embeddings => n_layers + 1,
    }
}
