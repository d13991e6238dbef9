//! Operations in the order in which they ran, and how to run them backward.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

use kernels::Dropout;

use super::grads::{Grads, Slot};
use super::matrix::Matrix;
use super::params::Params;

/// The value of an operation, and the place of its gradient if it has one.
#[derive(Debug, Clone)]
pub struct Var {
    value: Rc<Matrix>,
    slot: Option<Slot>,
}

impl Var {
    /// The place of its gradient; `None` if nothing trainable lies behind it.
    pub fn slot(&self) -> Option<Slot> {
        self.slot
    }

    /// The value, shared with whoever needs it in the backward pass.
    pub fn value(&self) -> Rc<Matrix> {
        self.value.clone()
    }

    /// The value, without a copy if nobody else holds it.
    pub fn into_matrix(self) -> Matrix {
        Rc::try_unwrap(self.value).unwrap_or_else(|shared| Matrix::clone(&shared))
    }

    /// The one number of a loss.
    ///
    /// # Panics
    /// If it has more than one.
    pub fn item(&self) -> f32 {
        assert_eq!(self.data().len(), 1, "a loss is one number");
        self.data()[0]
    }
}

impl Deref for Var {
    type Target = Matrix;

    fn deref(&self) -> &Matrix {
        &self.value
    }
}

/// Operations in the order in which they ran, and how to run them backward.
pub struct Tape<'p> {
    params: &'p Params,
    nodes: Vec<Node<'p>>,
    n_slots: usize,
    records: bool,
    // The seed of this step's dropout masks; `None` if nothing is dropped.
    seed: Option<u64>,
    n_dropouts: Cell<u64>,
}

struct Node<'p> {
    output: Slot,
    backward: Box<Backward<'p>>,
}

/// Given the gradient of an operation's output, adds to those of its inputs.
type Backward<'p> = dyn Fn(Matrix, &mut Grads) + 'p;

impl<'p> Tape<'p> {
    /// A tape that remembers nothing: no gradients, no dropout, and no activation outlives its use.
    pub fn inference(params: &'p Params) -> Self {
        Self { params, nodes: Vec::new(), n_slots: 0, records: false, seed: None, n_dropouts: Cell::new(0) }
    }

    /// A tape for [`Tape::backward`]; `seed` decides what dropout drops.
    pub fn training(params: &'p Params, seed: u64) -> Self {
        Self { seed: Some(seed), ..Self::without_dropout(params) }
    }

    /// A tape for [`Tape::backward`] on which nothing is dropped.
    pub fn without_dropout(params: &'p Params) -> Self {
        Self { records: true, ..Self::inference(params) }
    }

    /// The weights that operations read.
    pub fn params(&self) -> &'p Params {
        self.params
    }

    /// True if gradients are recorded.
    pub fn is_training(&self) -> bool {
        self.records
    }

    /// A value without gradient.
    pub fn constant(&self, value: Matrix) -> Var {
        Var { value: Rc::new(value), slot: None }
    }

    /// An input whose gradient [`Grads::of`] gives.
    pub fn leaf(&mut self, value: Matrix) -> Var {
        let slot = self.is_training().then(|| self.next_slot(&value));
        Var { value: Rc::new(value), slot }
    }

    /// The value of an operation, and how its gradient becomes that of its inputs.
    ///
    /// `backward` is given the gradient of `value`; it is dropped at once if `needed` is false, that is if
    /// no input and no weight of the operation wants a gradient.
    pub fn record(
        &mut self,
        value: impl Into<Rc<Matrix>>,
        needed: bool,
        backward: impl Fn(Matrix, &mut Grads) + 'p,
    ) -> Var {
        let value = value.into();
        if !(needed && self.is_training()) {
            return Var { value, slot: None };
        }
        let output = self.next_slot(&value);
        self.nodes.push(Node { output, backward: Box::new(backward) });
        Var { value, slot: Some(output) }
    }

    /// The next dropout mask; `None` at inference or if nothing is ever dropped.
    pub fn dropout(&self, probability: f32) -> Option<Dropout> {
        let seed = self.seed.filter(|_| probability > 0.0)?;
        let n = self.n_dropouts.replace(self.n_dropouts.get() + 1);
        Some(Dropout { probability, seed: crate::random::derive(seed, n) })
    }

    /// The gradients of the sum of the losses, each times its weight.
    ///
    /// May be called again, for instance once for each task.
    pub fn backward(&self, losses: &[(&Var, f32)]) -> Grads {
        let mut grads = Grads::new(self.params);
        self.backward_into(&mut grads, losses);
        grads
    }

    /// Adds the gradients of the sum of the losses to `grads`.
    pub fn backward_into(&self, grads: &mut Grads, losses: &[(&Var, f32)]) {
        grads.begin(self.n_slots);
        for (loss, weight) in losses {
            assert_eq!(loss.data().len(), 1, "a loss is one number");
            grads.give(loss.slot, Matrix::from_vec(1, 1, vec![*weight]));
        }
        self.run_backward(grads);
    }

    /// Adds the gradients of whatever has the given gradients by some values to `grads`.
    ///
    /// With [`Tape::leaf`] it cuts a pass in two: what comes after the values runs on a tape of its own, which gives the
    /// gradients.
    pub fn backward_from<'v>(&self, grads: &mut Grads, given: impl Iterator<Item = (&'v Var, Matrix)>) {
        grads.begin(self.n_slots);
        given.for_each(|(value, gradient)| grads.give(value.slot, gradient));
        self.run_backward(grads);
    }

    fn run_backward(&self, grads: &mut Grads) {
        for node in self.nodes.iter().rev() {
            if let Some(gradient) = grads.take(node.output) {
                (node.backward)(gradient, grads);
            }
        }
    }

    fn next_slot(&mut self, value: &Matrix) -> Slot {
        self.n_slots += 1;
        Slot::new(self.n_slots - 1, value)
    }
}
