//! Gradients of values and weights.

use kernels::Write;

use super::matrix::Matrix;
use super::params::{ParamId, Params};
use super::row_grads::RowGrads;
use super::tape::Var;

/// The place of a value's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    index: usize,
    rows: usize,
    cols: usize,
}

impl Slot {
    pub(super) fn new(index: usize, value: &Matrix) -> Self {
        Self { index, rows: value.rows(), cols: value.cols() }
    }
}

/// Gradients of values and weights, summed over all their uses.
#[derive(Debug)]
pub struct Grads {
    slots: Vec<Option<Matrix>>,
    params: Vec<Option<ParamGrad>>,
    // The shape of each weight; `None` where it is frozen.
    wanted: Vec<Option<(usize, usize)>>,
}

/// The gradient of a weight.
#[derive(Debug)]
pub enum ParamGrad {
    /// All values.
    Dense(Matrix),
    /// Some rows of a table.
    Rows(RowGrads),
}

impl ParamGrad {
    /// All values.
    pub fn to_matrix(&self) -> Matrix {
        match self {
            Self::Dense(gradient) => gradient.clone(),
            Self::Rows(rows) => rows.to_matrix(),
        }
    }

    /// The values that may not be zero.
    fn values(&self) -> &[f32] {
        match self {
            Self::Dense(gradient) => gradient.data(),
            Self::Rows(rows) => rows.values(),
        }
    }

    /// Makes place for values beyond a table's rows.
    fn dense(&mut self) -> &mut Matrix {
        if let Self::Rows(rows) = self {
            *self = Self::Dense(rows.to_matrix());
        }
        match self {
            Self::Dense(gradient) => gradient,
            Self::Rows(_) => unreachable!("rows were just spread"),
        }
    }
}

impl Grads {
    /// No gradient yet; frozen weights will get none.
    pub fn new(params: &Params) -> Self {
        let shape = |param: &super::params::Param| (param.rows(), param.cols());
        let wanted = params.iter().map(|(_, param)| param.trainable.then(|| shape(param))).collect();
        Self { slots: Vec::new(), params: params.iter().map(|_| None).collect(), wanted }
    }

    /// Forgets the values of an earlier tape; the weights' gradients stay.
    pub(super) fn begin(&mut self, n_slots: usize) {
        self.slots.clear();
        self.slots.resize_with(n_slots, || None);
    }

    pub(super) fn take(&mut self, slot: Slot) -> Option<Matrix> {
        self.slots[slot.index].take()
    }

    /// Adds `gradient` to that of a value; nothing happens if the value wants none.
    pub fn give(&mut self, slot: Option<Slot>, gradient: Matrix) {
        let Some(slot) = slot else { return };
        assert_eq!(
            (gradient.rows(), gradient.cols()),
            (slot.rows, slot.cols),
            "a gradient has its value's shape"
        );
        match &mut self.slots[slot.index] {
            Some(sum) => kernels::add(gradient.data(), sum.data_mut()),
            empty => *empty = Some(gradient),
        }
    }

    /// Where to write the gradient of a value, and whether to add to what is there.
    pub fn to_slot(&mut self, slot: Option<Slot>) -> Option<(&mut Matrix, Write)> {
        let slot = slot?;
        Some(write_to(&mut self.slots[slot.index], (slot.rows, slot.cols)))
    }

    /// Where to write the gradient of a weight, and whether to add to what is there; `None` if it is frozen.
    pub fn to_param(&mut self, id: ParamId) -> Option<(&mut Matrix, Write)> {
        let (rows, cols) = self.wanted[id.index()]?;
        let place = &mut self.params[id.index()];
        let write = if place.is_some() { Write::Add } else { Write::Overwrite };
        let gradient = place.get_or_insert_with(|| ParamGrad::Dense(Matrix::scratch(rows, cols)));
        Some((gradient.dense(), write))
    }

    /// The sum so far of a weight's gradient, zero at first; `None` if the weight is frozen.
    pub fn sum_of_param(&mut self, id: ParamId) -> Option<&mut Matrix> {
        let (rows, cols) = self.wanted[id.index()]?;
        let place = &mut self.params[id.index()];
        Some(place.get_or_insert_with(|| ParamGrad::Dense(Matrix::zeros(rows, cols))).dense())
    }

    /// Adds rows to the gradient of a table; nothing happens if the table is frozen.
    pub fn add_rows<'a>(&mut self, id: ParamId, rows: impl Iterator<Item = (u32, &'a [f32])>) {
        let Some((n_rows, cols)) = self.wanted[id.index()] else { return };
        let place = &mut self.params[id.index()];
        match place.get_or_insert_with(|| ParamGrad::Rows(RowGrads::new(n_rows, cols))) {
            ParamGrad::Rows(sum) => rows.for_each(|(id, row)| sum.add(id, row)),
            ParamGrad::Dense(sum) => rows.for_each(|(id, row)| kernels::add(row, sum.row_mut(id as usize))),
        }
    }

    /// The gradient of a weight; `None` if no loss reached it.
    pub fn param(&self, id: ParamId) -> Option<&ParamGrad> {
        self.params[id.index()].as_ref()
    }

    /// The gradient of a leaf of the last tape; `None` if no loss reached it.
    pub fn of(&self, leaf: &Var) -> Option<&Matrix> {
        self.slots[leaf.slot()?.index].as_ref()
    }

    /// The Euclidean norm of all weights' gradients taken as one vector, as `torch.nn.utils.clip_grad_norm_`.
    pub fn norm(&self) -> f64 {
        let squares = self.params.iter().flatten().map(|gradient| kernels::sum_of_squares(gradient.values()));
        squares.sum::<f64>().sqrt()
    }
}

fn write_to(place: &mut Option<Matrix>, (rows, cols): (usize, usize)) -> (&mut Matrix, Write) {
    let write = if place.is_some() { Write::Add } else { Write::Overwrite };
    (place.get_or_insert_with(|| Matrix::scratch(rows, cols)), write)
}
