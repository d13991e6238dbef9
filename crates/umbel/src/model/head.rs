//! What answers one task: dropout and a linear layer on the shared embedding.

use crate::nn::ops::{self, Linear};
use crate::nn::params::{ParamSpec, Params, Part};
use crate::nn::{Tape, Var};
use crate::random::Random;
use crate::settings::TaskSettings;
use crate::task::Task;

/// What answers one task: dropout and a linear layer on the shared embedding.
pub struct Head {
    /// Name, kind, weight and dropout of the task.
    pub settings: TaskSettings,
    /// What its outputs mean.
    pub task: Box<dyn Task>,
    pub(super) linear: Linear,
}

impl Head {
    /// The name of its task.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The raw outputs for each embedding. [texts × embedding] → [texts × outputs]
    pub fn outputs(&self, tape: &mut Tape<'_>, embedding: &Var) -> Var {
        let kept = ops::dropout(tape, embedding, self.settings.dropout);
        ops::linear(tape, &kept, self.linear)
    }
}

/// A linear layer that starts as `torch.nn.Linear` does: weight and bias uniform within `±1/√in`.
///
/// `shape` is (out, in).
pub(super) fn random_linear(
    params: &mut Params,
    name: &str,
    shape: (usize, usize),
    part: Part,
    seed: u64,
) -> Linear {
    let mut random = Random::new(seed);
    let bound = 1.0 / (shape.1 as f32).sqrt();
    let mut add = |suffix: &str, shape: Vec<usize>| {
        let draw = |_| (random.uniform() * 2.0 - 1.0) * bound;
        let values: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
        let spec = ParamSpec::new(format!("{name}.{suffix}"), &shape, part.clone());
        params.add(spec, values.into())
    };
    let weight = add("weight", vec![shape.0, shape.1]);
    Linear { weight, bias: Some(add("bias", vec![shape.0])) }
}
