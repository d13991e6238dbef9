//! Matrix product with a packed right operand and an epilogue.

mod block;
mod dot;
mod finish;
mod packed;
mod quantize;
mod strip;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use dot::F32;
pub use packed::Packed;
pub(crate) use strip::{Panel, UnpackPanel, pack_strip, panels, ranges, strip_rows};
pub(crate) use tile::Tile;

use std::cell::RefCell;

use crate::{
    Activation, MatRef, Precision,
    parallel::{self, for_each},
    simd::{Kernel, MatMut, Simd},
};
use block::Block;
use finish::Finish;

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

/// `c = a * b`, or `c += a * b`, then the epilogue; `c` is row-major, `a.rows() × b.n()`.
///
/// The products have the precision for which `b` is packed. Each output value is one chain of multiply-adds in the
/// order of k. It depends neither on the other rows of `a` nor on the number of threads.
///
/// # Panics
/// If the shapes do not fit; with 8-bit integers, if `a` is transposed or `write` is `Add`.
pub fn gemm(a: MatRef, b: &Packed, c: &mut [f32], write: Write, epilogue: Epilogue) {
    assert_eq!(a.cols(), b.k(), "columns of a and rows of b");
    if b.precision() == Precision::Int8 {
        assert!(a.is_row_major() && write == Write::Overwrite, "8-bit products are for inference");
    }
    let (m, n) = (a.rows(), b.n());
    let cuts = b.isa().run(Cut { m, k: b.k(), n, threads: parallel::threads() });
    let mut c = MatMut::new(c, m, n);
    let mut finish = Finish::new(epilogue, m, n);
    let mut blocks = Vec::new();
    for rows in ranges(m, cuts.block_rows) {
        let (mut c_rows, c_rest) = c.split_rows(rows.len());
        let (mut finish_rows, finish_rest) = finish.split_rows(rows.len());
        for cols in ranges(n, cuts.block_cols) {
            let (c, c_rest) = c_rows.split_cols(cols.len());
            let (finish, finish_rest) = finish_rows.split_cols(cols.len());
            let panels = cols.start / cuts.width..cols.end.div_ceil(cuts.width);
            blocks.push(Block {
                a: a.row_range(rows.clone()),
                b,
                panels,
                c,
                write,
                finish,
                width: cuts.width,
            });
            (c_rows, finish_rows) = (c_rest, finish_rest);
        }
        (c, finish) = (c_rest, finish_rest);
    }
    let run = |block: Block| {
        MEMORY.with_borrow_mut(|memory| b.isa().run(block::Run { block, memory }));
    };
    if cuts.threads == 1 { blocks.into_iter().for_each(run) } else { for_each(blocks, run) }
}

thread_local! {
    static MEMORY: RefCell<block::Memory> = const { RefCell::new(block::Memory::new()) };
}

/// Decides how a product is cut into blocks.
struct Cut {
    m: usize,
    k: usize,
    n: usize,
    threads: usize,
}

/// How a product is cut into blocks. The cuts never change a value.
#[derive(Clone, Copy)]
struct Cuts {
    /// Columns of a panel.
    width: usize,
    block_rows: usize,
    block_cols: usize,
    /// How many threads are worth their start.
    threads: usize,
}

/// A block of fewer operations does not pay for the way to another thread.
const BLOCK_FLOPS: usize = 1 << 19;

impl Kernel for Cut {
    type Output = Cuts;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Cuts {
        let Cut { m, k, n, threads } = self;
        let width = 2 * S::LANES;
        let strip_rows = strip_rows::<S>(m);
        // A few strips share each panel while it is in the cache.
        let n_strips = if m > 64 * strip_rows * threads { 6 } else { 3 };
        let block_rows = n_strips * strip_rows;
        let flops = 2 * m * k * n;
        // Each block packs its rows anew, so few rows are cut no more often than there are threads.
        let most = if m <= block_rows { threads } else { 6 * threads };
        let worth = if threads == 1 { 1 } else { (flops / BLOCK_FLOPS).clamp(1, most) };
        let n_col_blocks = worth.div_ceil(m.div_ceil(block_rows).max(1));
        let block_cols = n.div_ceil(width).div_ceil(n_col_blocks).max(1) * width;
        Cuts { width, block_rows, block_cols, threads: threads.min(worth) }
    }
}
