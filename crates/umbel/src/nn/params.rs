//! The weights of a model.

use std::sync::{Mutex, OnceLock};

use kernels::{MatRef, Packed, Precision};

use crate::nn::tensor::Values;

/// Which weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParamId(usize);

impl ParamId {
    /// Its place among all.
    pub fn index(self) -> usize {
        self.0
    }
}

/// The part of a model that a weight belongs to; freezing speaks of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The encoder's embedding tables and their norm.
    Embeddings,
    /// The encoder's layer of that number, from 0.
    Layer(usize),
    /// The encoder's other weights, as a final norm.
    Encoder,
    /// The dense layers between pooling and the embedding.
    Projection,
    /// The head of the task of that name.
    Head(String),
}

/// A weight as it is described when it is added.
#[derive(Debug, Clone)]
pub struct ParamSpec {
    /// The tensors of the checkpoint that lie in it one below the other; usually one.
    pub tensors: Vec<TensorSpec>,
    /// What it belongs to.
    pub part: Part,
    /// How a linear layer's weight lies.
    pub layout: Layout,
    /// What it does.
    pub role: Role,
}

/// What a weight does, which also says how a random start fills it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Role {
    /// Multiplies; normal numbers at first.
    #[default]
    Linear,
    /// Is looked up by rows; normal numbers at first.
    Table,
    /// Is added; zeros at first.
    Bias,
    /// Scales a norm; this number at first.
    Norm(f32),
    /// One of the two factors of a [`LowRank`] addition.
    Factor,
}

/// What is added to a linear layer's weight `w` in training: `w + scale · b a` (Hu et al. 2021).
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// `a` [rank × in].
    pub a: ParamId,
    /// `b` [outputs × rank].
    pub b: ParamId,
    /// What the product is multiplied by.
    pub scale: f32,
    /// The share of the input's values that it does not see in a training step.
    pub dropout: f32,
    /// The first of the layer's outputs to which it adds.
    pub first: usize,
}

/// A tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
}

/// How a linear layer's weight lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `[out × in]`, as `torch.nn.Linear` has it.
    #[default]
    OutIn,
    /// `[in × out]`, as the `Conv1D` of GPT-2 has it.
    InOut,
}

impl ParamSpec {
    /// A weight that is one tensor.
    pub fn new(name: impl Into<String>, shape: &[usize], part: Part) -> Self {
        let tensors = vec![TensorSpec { name: name.into(), shape: shape.to_vec() }];
        let role = if shape.len() > 1 { Role::Linear } else { Role::Bias };
        Self { tensors, part, layout: Layout::OutIn, role }
    }

    fn n_values(&self) -> usize {
        self.tensors.iter().map(TensorSpec::n_values).sum()
    }
}

impl TensorSpec {
    /// How many numbers it has.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One weight: a matrix, or a vector as a matrix of one row.
#[derive(Debug)]
pub struct Param {
    spec: ParamSpec,
    values: Values,
    /// False if training leaves it as it is.
    pub trainable: bool,
    /// What is added to it where it is a linear layer's weight; usually nothing.
    pub low_rank: Vec<LowRank>,
    // Of products with it.
    precision: Precision,
    // Packed as the right operand `wᵀ` of the forward product and `w` of the backward product.
    forward: PackedWeight,
    backward: PackedWeight,
}

impl Param {
    /// The values, row after row.
    pub fn data(&self) -> &[f32] {
        self.values.as_slice()
    }

    /// The values, to be changed.
    pub fn data_mut(&mut self) -> &mut [f32] {
        self.forward.invalidate();
        self.backward.invalidate();
        self.values.to_mut()
    }

    /// The name of its first tensor; no two weights share it.
    pub fn name(&self) -> &str {
        &self.spec.tensors[0].name
    }

    /// The part of the model it belongs to.
    pub fn part(&self) -> &Part {
        &self.spec.part
    }

    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.data().len().checked_div(self.cols()).unwrap_or(0)
    }

    /// Columns of the matrix: all sizes of a tensor but the first, or all values of vectors.
    pub fn cols(&self) -> usize {
        match &self.spec.tensors[0].shape[..] {
            [_] | [] => self.data().len(),
            [_, rest @ ..] => rest.iter().product(),
        }
    }

    /// How a linear layer's weight lies.
    pub fn layout(&self) -> Layout {
        self.spec.layout
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.spec.role
    }

    /// True of the factors of low-rank additions.
    pub fn is_factor(&self) -> bool {
        self.spec.role == Role::Factor
    }

    /// How many numbers a linear layer with this weight gives.
    pub fn n_outputs(&self) -> usize {
        match self.spec.layout {
            Layout::OutIn => self.rows(),
            Layout::InOut => self.cols(),
        }
    }

    /// True of matrices; biases and norms, which are vectors, are not decayed.
    pub fn decays(&self) -> bool {
        self.spec.tensors[0].shape.len() > 1
    }

    /// The checkpoint's tensors: name, shape, values.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        let mut rest = self.data();
        self.spec.tensors.iter().map(move |tensor| {
            let values;
            (values, rest) = rest.split_at(tensor.n_values());
            (&tensor.name[..], &tensor.shape[..], values)
        })
    }

    /// The right operand of a linear layer's product, [in × out], packed.
    pub fn packed_forward(&self) -> &Packed {
        self.forward.get_or_pack(self.precision, self.out_in().transposed())
    }

    /// The right operand of the backward product, [out × in], packed.
    pub fn packed_backward(&self) -> &Packed {
        self.backward.get_or_pack(self.precision, self.out_in())
    }

    /// How precisely products with it are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A linear layer's weight, [out × in].
    fn out_in(&self) -> MatRef<'_> {
        let matrix = MatRef::new(self.data(), self.rows(), self.cols());
        match self.spec.layout {
            Layout::OutIn => matrix,
            Layout::InOut => matrix.transposed(),
        }
    }
}

/// A packed copy of a weight, made when it is first needed and again after the weight has changed.
#[derive(Default)]
struct PackedWeight {
    packed: OnceLock<Packed>,
    // The memory of the copy that is no longer true.
    spare: Mutex<Option<Packed>>,
}

impl PackedWeight {
    fn get_or_pack(&self, precision: Precision, matrix: MatRef<'_>) -> &Packed {
        self.packed.get_or_init(|| {
            let spare = self.spare.lock().expect("nothing panics while it is held").take();
            let mut packed = spare.unwrap_or_else(Packed::empty);
            packed.pack(precision, matrix);
            packed
        })
    }

    fn invalidate(&mut self) {
        if let Some(packed) = self.packed.take() {
            *self.spare.get_mut().expect("nothing panics while it is held") = Some(packed);
        }
    }
}

impl std::fmt::Debug for PackedWeight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.packed.get().is_some() { "packed" } else { "not packed" })
    }
}

/// The weights of a model, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Params {
    all: Vec<Param>,
    precision: Precision,
}

impl Params {
    /// Adds a weight; it is trainable.
    ///
    /// # Panics
    /// If the values are not as many as the shape says.
    pub fn add(&mut self, spec: ParamSpec, values: Values) -> ParamId {
        let first = &spec.tensors[0];
        assert_eq!(values.as_slice().len(), spec.n_values(), "`{}` has shape {:?}", first.name, first.shape);
        let (forward, backward) = Default::default();
        let precision = precision_of(&spec.part, self.precision);
        let low_rank = Vec::new();
        self.all.push(Param { spec, values, trainable: true, low_rank, precision, forward, backward });
        ParamId(self.all.len() - 1)
    }

    /// Forgets the weights that were added after the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.all.truncate(len);
    }

    /// Chooses how precisely the layers of the encoder compute. Projections and heads, which take next to no time,
    /// stay with 32-bit floats, and so do all weights themselves.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
        for param in &mut self.all {
            param.precision = precision_of(&param.spec.part, precision);
            param.forward.invalidate();
            param.backward.invalidate();
        }
    }

    /// How precisely the layers of the encoder compute.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// All weights, with their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ParamId, &Param)> {
        self.all.iter().enumerate().map(|(i, param)| (ParamId(i), param))
    }

    /// All weights, to be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (ParamId, &mut Param)> {
        self.all.iter_mut().enumerate().map(|(i, param)| (ParamId(i), param))
    }

    /// How many weights there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many numbers all weights have.
    pub fn n_values(&self) -> usize {
        self.all.iter().map(|param| param.data().len()).sum()
    }
}

fn precision_of(part: &Part, of_layers: Precision) -> Precision {
    match part {
        Part::Layer(_) | Part::Encoder => of_layers,
        Part::Embeddings | Part::Projection | Part::Head(_) => Precision::F32,
    }
}

impl std::ops::Index<ParamId> for Params {
    type Output = Param;

    fn index(&self, id: ParamId) -> &Param {
        &self.all[id.0]
    }
}

impl std::ops::IndexMut<ParamId> for Params {
    fn index_mut(&mut self, id: ParamId) -> &mut Param {
        &mut self.all[id.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacked() -> (Params, ParamId) {
        let mut params = Params::default();
        let tensor = |name: &str| TensorSpec { name: name.to_string(), shape: vec![1, 2] };
        let tensors = vec![tensor("query.weight"), tensor("key.weight")];
        let spec = ParamSpec { tensors, part: Part::Layer(0), layout: Layout::OutIn, role: Role::Linear };
        let id = params.add(spec, vec![1.0, 2.0, 3.0, 4.0].into());
        (params, id)
    }

    #[test]
    fn stacked_tensors_are_one_matrix_and_come_apart_again() {
        let (params, id) = stacked();
        assert_eq!((params[id].rows(), params[id].cols()), (2, 2));
        let tensors: Vec<_> = params[id].tensors().collect();
        let shape = &[1, 2][..];
        assert_eq!(tensors, [("query.weight", shape, &[1., 2.][..]), ("key.weight", shape, &[3., 4.][..])]);
    }

    #[test]
    fn a_changed_weight_is_packed_anew() {
        let (mut params, id) = stacked();
        let product = |params: &Params| {
            let mut y = [0.0; 2];
            let x = MatRef::new(&[1.0, 1.0], 1, 2);
            let packed = params[id].packed_forward();
            kernels::gemm(x, packed, &mut y, kernels::Write::Overwrite, kernels::Epilogue::None);
            y
        };
        assert_eq!(product(&params), [3.0, 7.0]);
        params[id].data_mut()[0] = 5.0;
        assert_eq!(product(&params), [7.0, 7.0]);
    }
}
