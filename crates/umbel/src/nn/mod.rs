//! Differentiable operations over matrices, recorded on a tape.
//!
//! A [`Tape`] runs operations and, when training, remembers how to run each backward. [`Params`] holds the
//! weights, [`Grads`] what [`Tape::backward`] found. The operations are the seam between models, which are
//! written forward-only in them, and the kernels, which compute.

mod buffer;
pub mod matrix;
pub mod row_grads;
pub mod stored_rows;
pub mod tensor;

pub mod params;

pub mod grads;
pub mod tape;

pub mod ops;

#[cfg(test)]
pub(crate) mod gradient_check;

pub use grads::{Grads, ParamGrad};
pub use matrix::Matrix;
pub use params::{ParamId, Params};
pub use row_grads::RowGrads;
pub use stored_rows::{StoredRows, StoredRowsWriter};
pub use tape::{Tape, Var};
