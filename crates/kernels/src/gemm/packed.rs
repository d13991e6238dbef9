//! The right operand of a product.

use super::{
    dot::{Bf16, Dot, F32, Int8, NO_QUANTUM, Quantum},
    quantize::{ColumnScales, sum_bytes},
    strip::pack_strip_as,
};
use crate::{
    MatRef, Precision,
    buffer::Buffer,
    parallel::for_each,
    simd::{Isa, Kernel, Simd},
};

/// The right operand of a product, packed in the order in which the tile reads it. Its precision is that of the
/// product.
pub struct Packed {
    // Panels one after the other, each `[groups of k × width]`; the last may be half as wide as the others.
    data: Buffer,
    isa: Isa,
    precision: Precision,
    k: usize,
    n: usize,
    // Empty unless the precision has scales.
    scales: ColumnScales,
}

impl Packed {
    /// Packs a matrix of k rows and n columns of 32-bit floats.
    pub fn new(b: MatRef) -> Self {
        Self::with_precision(Precision::F32, b)
    }

    /// Packs a matrix of k rows and n columns for products of that precision.
    pub fn with_precision(precision: Precision, b: MatRef) -> Self {
        Self::for_isa(Isa::best(), precision, b)
    }

    /// A matrix of no rows and no columns, whose buffer `pack` grows.
    pub fn empty() -> Self {
        Self {
            data: Buffer::new(),
            isa: Isa::best(),
            precision: Precision::F32,
            k: 0,
            n: 0,
            scales: ColumnScales::default(),
        }
    }

    /// Packs another matrix, reusing the buffer.
    pub fn pack(&mut self, precision: Precision, b: MatRef) {
        (self.k, self.n, self.precision) = (b.rows(), b.cols(), precision);
        match precision {
            Precision::F32 => self.pack_as(F32, b.transposed()),
            Precision::Bf16 => self.pack_as(Bf16, b.transposed()),
            Precision::Int8 => {
                self.scales.set(b.transposed());
                self.pack_as(Int8, b.transposed());
            }
        }
    }

    fn pack_as<D: Dot>(&mut self, dot: D, columns: MatRef) {
        let Self { isa, scales: ColumnScales { quanta, sums, .. }, .. } = self;
        let groups = self.k.div_ceil(D::GROUP);
        let width = isa.run(PanelWidth);
        let data = self.data.resize_weight(groups * self.n.next_multiple_of(width / 2));
        if data.is_empty() {
            return;
        }
        let is_small = data.len() < PARALLEL;
        let mut rest = &mut sums[..];
        let panels = data.chunks_mut(groups * width).enumerate().map(|(panel, to)| {
            let cols = panel * width..columns.rows().min((panel + 1) * width);
            let sums;
            (sums, rest) = std::mem::take(&mut rest).split_at_mut(if D::SCALED { cols.len() } else { 0 });
            let quanta = if D::SCALED { &quanta[cols.clone()] } else { &[][..] };
            Pack { dot, columns: columns.row_range(cols), to, groups, quanta, sums }
        });
        let panels: Vec<_> = panels.collect();
        let pack = |panel: Pack<D>| isa.run(panel);
        if is_small { panels.into_iter().for_each(pack) } else { for_each(panels, pack) }
    }

    /// The number of rows of the matrix that was packed.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of columns of the matrix that was packed.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The precision of products with it.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    pub(crate) fn for_isa(isa: Isa, precision: Precision, b: MatRef) -> Self {
        let mut packed = Self { isa, ..Self::empty() };
        packed.pack(precision, b);
        packed
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    pub(super) fn scales(&self) -> &ColumnScales {
        &self.scales
    }

    /// One of the panels of `width` columns, and its own width.
    #[inline(always)]
    pub(super) fn panel<D: Dot>(&self, _: D, panel: usize, width: usize) -> (&[f32], usize) {
        let groups = self.k.div_ceil(D::GROUP);
        let rest = &self.data.as_slice()[panel * groups * width..];
        let own = if self.n - panel * width > width / 2 { width } else { width / 2 };
        (&rest[..groups * own], own)
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
struct Pack<'a, D> {
    dot: D,
    columns: MatRef<'a>,
    to: &'a mut [f32],
    groups: usize,
    // Of each column, where the precision has scales.
    quanta: &'a [Quantum<f32>],
    sums: &'a mut [f32],
}

impl<D: Dot> Kernel for Pack<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { dot, columns, to, groups, quanta, sums } = self;
        let width = to.len() / groups;
        let quantum = |col: usize| if D::SCALED { quanta[col] } else { NO_QUANTUM };
        pack_strip_as(simd, dot, columns, to, width, quantum);
        if D::SCALED {
            sum_bytes(simd, to, width, sums);
        }
    }
}
