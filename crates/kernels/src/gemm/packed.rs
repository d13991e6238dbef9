//! The right operand of a product.

use rayon::prelude::*;

use super::strip::pack_strip;
use crate::{
    MatRef,
    buffer::Buffer,
    simd::{Isa, Kernel, Simd},
};

/// The right operand of a product, packed in the order in which the tile reads it.
pub struct Packed {
    // Panels one after the other, each `[k × width]`; the last may be half as wide as the others.
    data: Buffer,
    isa: Isa,
    k: usize,
    n: usize,
}

impl Packed {
    /// Packs a matrix of k rows and n columns.
    pub fn new(b: MatRef) -> Self {
        Self::for_isa(Isa::best(), b)
    }

    /// A matrix of no rows and no columns, whose buffer `pack` grows.
    pub fn empty() -> Self {
        Self { data: Buffer::new(), isa: Isa::best(), k: 0, n: 0 }
    }

    /// Packs another matrix, reusing the buffer.
    pub fn pack(&mut self, b: MatRef) {
        (self.k, self.n) = (b.rows(), b.cols());
        let (isa, columns) = (self.isa, b.transposed());
        let width = isa.run(PanelWidth);
        let padded = self.n.next_multiple_of(width / 2);
        let data = self.data.resize(self.k * padded);
        if data.is_empty() {
            return;
        }
        let pack = |(panel, to): (usize, &mut [f32])| {
            let columns = columns.row_range(panel * width..columns.rows().min((panel + 1) * width));
            isa.run(Pack { columns, to });
        };
        if data.len() < PARALLEL {
            data.chunks_mut(self.k * width).enumerate().for_each(pack);
        } else {
            data.par_chunks_mut(self.k * width).enumerate().for_each(pack);
        }
    }

    /// The number of rows of the matrix that was packed.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of columns of the matrix that was packed.
    pub fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn for_isa(isa: Isa, b: MatRef) -> Self {
        let mut packed = Self { isa, ..Self::empty() };
        packed.pack(b);
        packed
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// One of the panels of `width` columns, and its own width.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize, width: usize) -> (&[f32], usize) {
        let rest = &self.data.as_slice()[panel * self.k * width..];
        let own = if self.n - panel * width > width / 2 { width } else { width / 2 };
        (&rest[..self.k * own], own)
    }
}

/// Fewer values are packed by one thread.
const PARALLEL: usize = 1 << 15;

/// The columns of a panel.
pub(super) struct PanelWidth;

impl Kernel for PanelWidth {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        2 * S::LANES
    }
}

/// Packs one panel.
struct Pack<'a> {
    columns: MatRef<'a>,
    to: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.to.len() / self.columns.cols();
        pack_strip(simd, self.columns, self.to, width);
    }
}
