//! Where an architecture's weights come from: a checkpoint, or a random start.

use std::path::Path;

use crate::error::{Error, Result};
use crate::folder::Weights;
use crate::nn::ops::{LayerNorm, Linear};
use crate::nn::params::{ParamSpec, Part};
use crate::nn::tensor::Values;
use crate::nn::{ParamId, Params};
use crate::random::Random;

/// Where an architecture's weights come from.
pub enum Source<'a> {
    /// The tensors of a checkpoint.
    Checkpoint(&'a Weights),
    /// Matrices of normal numbers with this standard deviation, biases of zero, norms of one.
    Random {
        /// Draws the numbers.
        random: Random,
        /// Their standard deviation.
        std: f32,
    },
}

/// Adds an architecture's weights, one after the other, and gathers all that is wrong with them.
pub struct Builder<'a> {
    params: &'a mut Params,
    source: Source<'a>,
    part: Part,
    problems: Vec<String>,
}

impl<'a> Builder<'a> {
    /// Adds weights to `params`.
    pub fn new(params: &'a mut Params, source: Source<'a>) -> Self {
        Self { params, source, part: Part::Embeddings, problems: Vec::new() }
    }

    /// Says what the next weights belong to.
    pub fn part(&mut self, part: Part) {
        self.part = part;
    }

    /// A matrix, as an embedding table.
    pub fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> ParamId {
        self.stacked(&[name.to_string()], &[rows, cols])
    }

    /// A linear layer: `NAME.weight` [out × in] and `NAME.bias` \[out\].
    pub fn linear(&mut self, name: &str, out: usize, input: usize) -> Linear {
        self.stacked_linear(&[name.to_string()], out, input)
    }

    /// Linear layers that read the same input, as one: the outputs of the first, then of the second, ...
    pub fn stacked_linear(&mut self, names: &[String], out_each: usize, input: usize) -> Linear {
        let named = |suffix: &str| -> Vec<String> { names.iter().map(|n| format!("{n}.{suffix}")).collect() };
        let weight = self.stacked(&named("weight"), &[out_each, input]);
        Linear { weight, bias: Some(self.stacked(&named("bias"), &[out_each])) }
    }

    /// A layer normalisation: `NAME.weight` and `NAME.bias`.
    pub fn layer_norm(&mut self, name: &str, size: usize, eps: f32) -> LayerNorm {
        let weight = self.stacked(&[format!("{name}.weight")], &[size]);
        LayerNorm { weight, bias: self.stacked(&[format!("{name}.bias")], &[size]), eps }
    }

    /// Says what is wrong, all at once.
    ///
    /// # Errors
    /// [`Error::Model`] with every tensor that is missing or has another shape.
    pub fn finish(self, path: &Path) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Error::Model { path: path.to_path_buf(), problems: self.problems })
    }

    /// Tensors of one shape, one below the other.
    fn stacked(&mut self, names: &[String], shape: &[usize]) -> ParamId {
        let size: usize = shape.iter().product();
        let values = match names {
            [name] => self.values(name, shape),
            names => names
                .iter()
                .flat_map(|name| self.values(name, shape).as_slice().to_vec())
                .collect::<Vec<_>>()
                .into(),
        };
        debug_assert_eq!(values.as_slice().len(), size * names.len());
        let spec = ParamSpec { names: names.to_vec(), shape: shape.to_vec(), part: self.part.clone() };
        self.params.add(spec, values)
    }

    /// The values of one tensor; zeros if something is wrong with it.
    fn values(&mut self, name: &str, shape: &[usize]) -> Values {
        let size: usize = shape.iter().product();
        match &mut self.source {
            Source::Random { random, std } if shape.len() > 1 => {
                let std = *std;
                (0..size).map(|_| random.normal() * std).collect::<Vec<f32>>().into()
            }
            Source::Random { .. } if name.ends_with("bias") => vec![0.0; size].into(),
            Source::Random { .. } => vec![1.0; size].into(),
            Source::Checkpoint(weights) => tensor(weights, name, shape).unwrap_or_else(|problem| {
                self.problems.push(problem);
                vec![0.0; size].into()
            }),
        }
    }
}

fn tensor(weights: &Weights, name: &str, shape: &[usize]) -> Result<Values, String> {
    if !weights.contains(name) {
        return Err(format!("tensor `{name}` {shape:?} is missing"));
    }
    let tensor = weights.tensor(name).map_err(|error| error.to_string())?;
    if tensor.shape != shape {
        return Err(format!("tensor `{name}` has shape {:?}; expected {shape:?}", tensor.shape));
    }
    Ok(tensor.values)
}
