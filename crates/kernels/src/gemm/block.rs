//! One thread's share of a product: some rows of the output, and some of their columns.

use std::ops::Range;

use super::{Cuts, Packed, Tile, Write, finish::Finish, pack_strip};
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
    pub(super) cuts: Cuts,
}

/// A block and the memory for its packed strips.
pub(super) struct Run<'a> {
    pub(super) block: Block<'a>,
    pub(super) strips: &'a mut Buffer,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Run { mut block, strips } = self;
        let k = block.a.cols();
        let strips = strips.resize(block.a.rows() * k.min(K_BLOCK));
        let mut ks = 0..k.min(K_BLOCK);
        loop {
            for rows in block.strips() {
                let strip = block.a.row_range(rows.clone()).col_range(ks.clone());
                let to = &mut strips[rows.start * ks.len()..rows.end * ks.len()];
                pack_strip(simd, strip, to, rows.len());
            }
            block.multiply(simd, ks.clone(), strips);
            if ks.end == k {
                return;
            }
            block.write = Write::Add;
            ks = ks.end..k.min(ks.end + K_BLOCK);
        }
    }
}

impl Block<'_> {
    fn strips(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        super::ranges(self.a.rows(), self.cuts.strip_rows)
    }

    /// Adds the products of some k to all tiles, and finishes the tiles after the last k.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, ks: Range<usize>, strips: &[f32]) {
        let width = self.cuts.width;
        for (idx, panel) in self.panels.clone().enumerate() {
            let (b, own) = self.b.panel(panel, width);
            let b = &b[ks.start * own..ks.end * own];
            let cols = idx * width..self.c.cols().min((idx + 1) * width);
            for rows in self.strips() {
                let a = &strips[rows.start * ks.len()..rows.end * ks.len()];
                let c = self.c.window(rows.clone(), cols.clone());
                simd.call(Tile { a, b, width: own, c, write: self.write });
                if ks.end == self.a.cols() {
                    self.finish.apply(simd, self.c.window(rows.clone(), cols.clone()), rows, cols.clone());
                }
            }
        }
    }
}
