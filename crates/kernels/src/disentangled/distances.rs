//! What is known of each distance, in the order of distances and as products read it.

use std::ops::Range;

use super::Disentangled;
use crate::{
    MatRef,
    attention::Right,
    buffer::Buffer,
    elementwise::scale_with,
    gemm::{pack_strip, ranges},
    simd::Simd,
};

/// One of the two terms of a head: contents, and the distances from each to the other tokens.
#[derive(Clone, Copy)]
pub(super) struct Half<'a> {
    /// Queries or keys. `[tokens × size]`
    pub(super) content: MatRef<'a>,
    /// Keys or queries of distances. `[rows × size]`
    pub(super) positions: MatRef<'a>,
}

/// Which way distances are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// From a query to the keys.
    FromQuery,
    /// From a key to the queries.
    FromKey,
}

impl Disentangled<'_> {
    /// The row of `positions` of each distance from a content, from the farthest before it on.
    #[inline(always)]
    pub(super) fn row(&self, order: Order, idx: usize) -> usize {
        let idx = if order == Order::FromQuery { idx } else { self.rows.len() - 1 - idx };
        self.rows[idx] as usize
    }
}

/// A vector for each distance, times the scale. `[distances × size]`
#[inline(always)]
pub(super) fn spread<'m, S: Simd>(
    simd: S,
    shape: &Disentangled,
    (positions, order): (MatRef, Order),
    memory: &'m mut Buffer,
) -> MatRef<'m> {
    let (n, size) = (shape.rows.len(), shape.head_size);
    let spread = memory.resize(n * size);
    for (idx, to) in spread.chunks_exact_mut(size).enumerate() {
        to.copy_from_slice(&positions.line(shape.row(order, idx))[..size]);
    }
    scale_with(simd, spread, shape.scale);
    MatRef::new(spread, n, size)
}

/// Vectors of distances as the right operand of a product, `[size × distances]`.
pub(super) struct Panels<'a> {
    // Each `[size × width]`; columns behind the last distance are zero.
    data: &'a [f32],
    size: usize,
    width: usize,
}

impl<'a> Panels<'a> {
    #[inline(always)]
    pub(super) fn pack<S: Simd>(simd: S, distances: MatRef, memory: &'a mut Buffer) -> Self {
        let (n, size, width) = (distances.rows(), distances.cols(), 2 * S::LANES);
        let data = memory.resize(n.next_multiple_of(width) * size);
        for (rows, to) in ranges(n, width).zip(data.chunks_exact_mut(size * width)) {
            pack_strip(simd, distances.row_range(rows), to, width);
        }
        Self { data, size, width }
    }

    /// The columns of whole panels that hold some distances.
    #[inline(always)]
    pub(super) fn around(&self, distances: Range<usize>) -> Range<usize> {
        distances.start / self.width * self.width..distances.end.next_multiple_of(self.width)
    }

    /// The panels of some columns, in whole panels, and where each begins among those.
    #[inline(always)]
    pub(super) fn columns(&self, columns: Range<usize>) -> impl Iterator<Item = (Range<usize>, Right<'a>)> {
        let panels = self.data[columns.start * self.size..columns.end * self.size]
            .chunks_exact(self.size * self.width);
        let width = self.width;
        panels.enumerate().map(move |(i, panel)| (i * width..(i + 1) * width, Right::panel(panel, width)))
    }
}
