//! Matrix product with a packed right operand and an epilogue.

mod packed;

pub use packed::Packed;

use crate::{Activation, MatRef, activate};

/// What happens to the values that the output already holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Write {
    /// They are replaced.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// What is done to each output value once its sum is complete.
pub enum Epilogue<'a> {
    /// Nothing.
    None,
    /// A bias for each column is added.
    Bias(&'a [f32]),
    /// An activation follows the bias.
    Activation {
        /// A bias for each column.
        bias: Option<&'a [f32]>,
        /// The function.
        activation: Activation,
        /// Receives the values before the activation, in the shape of the output; the backward pass reads them.
        pre: Option<&'a mut [f32]>,
    },
}

/// `c = a * b`, or `c += a * b`, then the epilogue; `c` is row-major `a.rows() × b.n()`.
///
/// Each output value is one chain of multiply-adds in the order of k. It depends neither on the other rows of
/// `a` nor on the number of threads.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm(a: MatRef, b: &Packed, c: &mut [f32], write: Write, epilogue: Epilogue) {
    assert_eq!(a.cols(), b.k(), "columns of a and rows of b differ");
    assert_eq!(c.len(), a.rows() * b.n(), "c is not a.rows() x b.n()");
    let n = b.n();
    if n == 0 {
        return;
    }
    for (i, row) in c.chunks_exact_mut(n).enumerate() {
        for (j, c) in row.iter_mut().enumerate() {
            let start = if write == Write::Add { *c } else { 0.0 };
            *c = (0..a.cols()).fold(start, |sum, p| a.at(i, p) * b.at(p, j) + sum);
        }
    }
    match epilogue {
        Epilogue::None => {}
        Epilogue::Bias(bias) => add_bias(bias, c),
        Epilogue::Activation { bias, activation, pre } => {
            if let Some(bias) = bias {
                add_bias(bias, c);
            }
            if let Some(pre) = pre {
                pre.copy_from_slice(c);
            }
            activate(activation, c);
        }
    }
}

fn add_bias(bias: &[f32], c: &mut [f32]) {
    for row in c.chunks_exact_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(c, b)| *c += b);
    }
}
