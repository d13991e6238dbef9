//! One thread's share of a product: some rows of the output, and some of their columns.

use std::ops::Range;

use super::{Packed, Strips, Tile, Write, finish::Finish};
use crate::{
    MatRef,
    buffer::Buffer,
    simd::{Kernel, MatMut, Simd},
};

/// Values of k after which a strip and a panel would leave the cache.
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

/// A block and the memory for its packed strips.
pub(super) struct Run<'a> {
    pub(super) block: Block<'a>,
    pub(super) memory: &'a mut Buffer,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Run { mut block, memory } = self;
        let k = block.a.cols();
        let mut ks = 0..k.min(K_BLOCK);
        loop {
            let strips = Strips::pack(simd, block.a.col_range(ks.clone()), memory);
            block.multiply(simd, ks.clone(), &strips);
            if ks.end == k {
                return;
            }
            block.write = Write::Add;
            ks = ks.end..k.min(ks.end + K_BLOCK);
        }
    }
}

impl Block<'_> {
    /// Adds the products of some k to all tiles, and finishes the tiles after the last k.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, ks: Range<usize>, strips: &Strips) {
        for (idx, panel) in self.panels.clone().enumerate() {
            let (b, width) = self.b.panel(panel, self.width);
            let b = &b[ks.start * width..ks.end * width];
            let cols = idx * self.width..self.c.cols().min((idx + 1) * self.width);
            for (rows, a) in strips.iter(simd) {
                let c = self.c.window(rows.clone(), cols.clone());
                let (k, a_stride, b_stride, write) = (ks.len(), rows.len(), width, self.write);
                simd.call(Tile { k, a, a_stride, b, b_stride, width, c, write });
                if ks.end == self.a.cols() {
                    self.finish.apply(simd, self.c.window(rows.clone(), cols.clone()), rows, cols.clone());
                }
            }
        }
    }
}
