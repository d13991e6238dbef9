//! One thread's share of a product: some rows of the output, and some of their columns.

use std::ops::Range;

use super::{
    Packed, Tile, Write,
    dot::{Bf16, Dot, F32, Int8},
    finish::Finish,
    quantize::RowScale,
    strip::Strips,
};
use crate::{
    MatRef, Precision,
    buffer::Buffer,
    simd::{Kernel, MatMut, Simd},
};

/// Groups of k after which a strip and a panel would leave the cache.
const K_BLOCK: usize = 1024;

/// Some rows of the output, and some of their columns.
pub(super) struct Block<'a> {
    pub(super) a: MatRef<'a>,
    pub(super) b: &'a Packed,
    pub(super) panels: Range<usize>,
    pub(super) c: MatMut<'a>,
    pub(super) write: Write,
    pub(super) finish: Finish<'a>,
    /// Columns of a panel.
    pub(super) width: usize,
}

/// Memory for the packed strips of a block.
#[derive(Default)]
pub(super) struct Memory {
    strips: Buffer,
    scales: Vec<RowScale>,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { strips: Buffer::new(), scales: Vec::new() }
    }
}

/// A block and the memory for its packed strips.
pub(super) struct Run<'a> {
    pub(super) block: Block<'a>,
    pub(super) memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Run { block, memory } = self;
        match block.b.precision() {
            Precision::F32 => simd.call(RunAs { dot: F32, block, memory }),
            Precision::Bf16 => simd.call(RunAs { dot: Bf16, block, memory }),
            Precision::Int8 => simd.call(RunAs { dot: Int8, block, memory }),
        }
    }
}

/// A block in one precision.
struct RunAs<'a, D> {
    dot: D,
    block: Block<'a>,
    memory: &'a mut Memory,
}

impl<D: Dot> Kernel for RunAs<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let RunAs { dot, mut block, memory: Memory { strips: memory, scales } } = self;
        let k = block.a.cols();
        if D::SCALED {
            scales.clear();
            for row in 0..block.a.rows() {
                scales.push(RowScale::of(simd, block.a.row_range(row..row + 1)));
            }
        }
        // Sums of bytes become floats when they are complete, so all k are one block.
        let step = if D::SCALED { k } else { K_BLOCK * D::GROUP };
        let mut ks = 0..k.min(step);
        loop {
            let strips = Strips::pack(simd, dot, block.a.col_range(ks.clone()), memory, scales);
            block.multiply(simd, dot, ks.clone(), &strips);
            if ks.end == k {
                return;
            }
            block.write = Write::Add;
            ks = ks.end..k.min(ks.end + step);
        }
    }
}

impl Block<'_> {
    /// Adds the products of some k to all tiles, and finishes the tiles after the last k.
    #[inline(always)]
    fn multiply<S: Simd, D: Dot>(&mut self, simd: S, dot: D, ks: Range<usize>, strips: &Strips<D>) {
        let groups = ks.start / D::GROUP..ks.end.div_ceil(D::GROUP);
        for (idx, panel) in self.panels.clone().enumerate() {
            let (b, width) = self.b.panel(dot, panel, self.width);
            let b = &b[groups.start * width..groups.end * width];
            let cols = idx * self.width..self.c.cols().min((idx + 1) * self.width);
            for (rows, a) in strips.iter(simd) {
                let c = self.c.window(rows.clone(), cols.clone());
                let (k, a_stride, b_stride, write) = (groups.len(), rows.len(), width, self.write);
                simd.call(Tile { dot, k, a, a_stride, b, b_stride, width, c, write });
                if ks.end == self.a.cols() {
                    let c = self.c.window(rows.clone(), cols.clone());
                    let scales = self.b.scales().tile(strips.scales(rows.clone()), panel * self.width);
                    self.finish.apply(simd, dot, c, (rows, cols.clone()), scales);
                }
            }
        }
    }
}
