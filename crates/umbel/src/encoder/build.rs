//! Where an architecture's weights come from: a checkpoint, or a random start.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::folder::Weights;
use crate::nn::ops::{Linear, Norm, NormKind};
use crate::nn::params::{Layout, ParamSpec, Part, Role, TensorSpec};
use crate::nn::tensor::{Tensor, Values, fits_in_memory};
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

    /// The checkpoint, unless the start is random.
    pub fn checkpoint(&self) -> Option<&'a Weights> {
        match self.source {
            Source::Checkpoint(weights) => Some(weights),
            Source::Random { .. } => None,
        }
    }

    /// True if the checkpoint has a tensor; a random start has any.
    pub fn has(&self, name: &str) -> bool {
        match &self.source {
            Source::Checkpoint(weights) => weights.contains(name),
            Source::Random { .. } => true,
        }
    }

    /// So many layers, each with the weights that `make` adds for it.
    pub fn layers<L>(&mut self, n: usize, mut make: impl FnMut(&mut Self, usize) -> L) -> Vec<Arc<L>> {
        let layers = (0..n).map(|i| {
            self.part(Part::Layer(i));
            Arc::new(make(self, i))
        });
        layers.collect()
    }

    /// An embedding table: `NAME` [rows × cols].
    pub fn table(&mut self, name: &str, rows: usize, cols: usize) -> ParamId {
        self.stacked(vec![tensor(name, &[rows, cols])], Role::Table, Layout::OutIn)
    }

    /// An embedding table that was made of the checkpoint's tensors, and is saved as `NAME`.
    pub fn made_table(&mut self, name: &str, table: Tensor) -> ParamId {
        let spec = ParamSpec { role: Role::Table, ..ParamSpec::new(name, &table.shape, self.part.clone()) };
        self.params.add(spec, table.values)
    }

    /// A linear layer: `NAME.weight` [out × in] and, if it has one, `NAME.bias` \[out\].
    pub fn linear(&mut self, name: &str, (out, input): (usize, usize), has_bias: bool) -> Linear {
        self.stacked_linear(&[(name.to_string(), out)], input, has_bias)
    }

    /// Linear layers of given outputs that read the same input, as one: the outputs of the first, then of the
    /// second, ...
    pub fn stacked_linear(&mut self, parts: &[(String, usize)], input: usize, has_bias: bool) -> Linear {
        let weights = parts.iter().map(|(name, out)| tensor(&format!("{name}.weight"), &[*out, input]));
        let weight = self.stacked(weights.collect(), Role::Linear, Layout::OutIn);
        let biases = || parts.iter().map(|(name, out)| tensor(&format!("{name}.bias"), &[*out])).collect();
        let bias = has_bias.then(|| self.stacked(biases(), Role::Bias, Layout::OutIn));
        Linear { weight, bias }
    }

    /// A linear layer whose weight lies [in × out], as the `Conv1D` of GPT-2.
    pub fn in_out_linear(&mut self, name: &str, (out, input): (usize, usize)) -> Linear {
        let weight = vec![tensor(&format!("{name}.weight"), &[input, out])];
        let weight = self.stacked(weight, Role::Linear, Layout::InOut);
        let bias = vec![tensor(&format!("{name}.bias"), &[out])];
        Linear { weight, bias: Some(self.stacked(bias, Role::Bias, Layout::OutIn)) }
    }

    /// A convolution over neighbouring tokens: `NAME.weight` [out × in × width] and `NAME.bias` \[out\], as a linear
    /// layer of the values of `width` tokens.
    pub fn convolution(&mut self, name: &str, (out, input): (usize, usize), width: usize) -> Linear {
        let weight = vec![tensor(&format!("{name}.weight"), &[out, input, width])];
        let weight = self.stacked(weight, Role::Linear, Layout::OutIn);
        let bias = vec![tensor(&format!("{name}.bias"), &[out])];
        Linear { weight, bias: Some(self.stacked(bias, Role::Bias, Layout::OutIn)) }
    }

    /// A layer normalisation: `NAME.weight` and, if it has one, `NAME.bias`.
    pub fn layer_norm(&mut self, name: &str, size: usize, eps: f32, has_bias: bool) -> Norm {
        let weight =
            self.stacked(vec![tensor(&format!("{name}.weight"), &[size])], Role::Norm(1.0), Layout::OutIn);
        let bias = || vec![tensor(&format!("{name}.bias"), &[size])];
        let bias = has_bias.then(|| self.stacked(bias(), Role::Bias, Layout::OutIn));
        Norm { weight, bias, eps, kind: NormKind::Layer }
    }

    /// A normalisation by the root of the mean square: `NAME.weight`, to which `offset` is added.
    pub fn rms_norm(&mut self, name: &str, size: usize, eps: f32, offset: f32) -> Norm {
        let role = Role::Norm(1.0 - offset);
        let weight = self.stacked(vec![tensor(&format!("{name}.weight"), &[size])], role, Layout::OutIn);
        Norm { weight, bias: None, eps, kind: NormKind::Rms { offset } }
    }

    /// Says what is wrong, all at once.
    ///
    /// # Errors
    /// [`Error::Model`] with every tensor that is missing or has another shape.
    pub fn finish(mut self, path: &Path) -> Result<()> {
        let in_layers = self.params.iter().filter(|(_, param)| matches!(param.part(), Part::Layer(_)));
        let n_values = in_layers.map(|(_, param)| param.data().len()).sum();
        if !fits_in_memory(n_values) {
            // The embedding tables stay in the file; layers are packed in memory.
            self.problems.push(format!("the layers need more memory than there is: {n_values} floats"));
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Error::Model { path: path.to_path_buf(), problems: self.problems })
    }

    /// Tensors one below the other.
    fn stacked(&mut self, mut tensors: Vec<TensorSpec>, role: Role, layout: Layout) -> ParamId {
        let n_problems = self.problems.len();
        let mut values = match &tensors[..] {
            [tensor] => self.values(tensor, role),
            tensors => {
                let parts: Vec<Values> = tensors.iter().map(|tensor| self.values(tensor, role)).collect();
                if fits_in_memory(parts.iter().map(Values::len).sum()) {
                    parts.iter().map(Values::as_slice).collect::<Vec<_>>().concat().into()
                } else {
                    self.problems.push(format!("`{}` needs more memory than there is", tensors[0].name));
                    Vec::new().into()
                }
            }
        };
        if self.problems.len() > n_problems {
            // The model will be refused. Its sizes may be too large to be counted.
            tensors = vec![tensor("", &[0, 0])];
            values = Vec::new().into();
        }
        self.params.add(ParamSpec { tensors, part: self.part.clone(), layout, role }, values)
    }

    /// The values of one tensor; zeros if something is wrong with it.
    fn values(&mut self, tensor: &TensorSpec, role: Role) -> Values {
        match (&mut self.source, role) {
            (Source::Checkpoint(weights), _) => found(weights, tensor).unwrap_or_else(|problem| {
                self.problems.push(problem);
                Vec::new().into()
            }),
            (Source::Random { random, std }, Role::Linear | Role::Table | Role::Factor) => {
                let std = *std;
                (0..tensor.n_values()).map(|_| random.normal() * std).collect::<Vec<f32>>().into()
            }
            (Source::Random { .. }, Role::Bias) => vec![0.0; tensor.n_values()].into(),
            (Source::Random { .. }, Role::Norm(start)) => vec![start; tensor.n_values()].into(),
        }
    }
}

fn tensor(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_string(), shape: shape.to_vec() }
}

fn found(weights: &Weights, expected: &TensorSpec) -> Result<Values, String> {
    let TensorSpec { name, shape } = expected;
    if !weights.contains(name) {
        return Err(format!("tensor `{name}` {shape:?} is missing"));
    }
    let tensor = weights.tensor(name).map_err(|error| error.to_string())?;
    if tensor.shape != *shape {
        return Err(format!("tensor `{name}` has shape {:?}; expected {shape:?}", tensor.shape));
    }
    Ok(tensor.values)
}
