//! The order in which the tile reads its operands: a few rows or columns side by side, k after k.

use std::{marker::PhantomData, ops::Range};

use super::{
    dot::{Dot, F32, NO_QUANTUM, Quantum},
    quantize::RowScale,
};
use crate::{
    MatRef,
    buffer::Buffer,
    simd::{Kernel, MAX_LANES, MatMut, Simd},
};

/// Copies the rows of `from` side by side: `to[p * width + i] = from[i][p]`. Places from `from.rows()` to
/// `width` hold finite values if `from` does.
///
/// A strip of `a` is packed from its rows, a panel of `b` from its columns (`b.transposed()`).
#[inline(always)]
pub(crate) fn pack_strip<S: Simd>(simd: S, from: MatRef, to: &mut [f32], width: usize) {
    pack_strip_as(simd, F32, from, to, width, |_| NO_QUANTUM);
}

/// Like `pack_strip`, in groups of a precision; `quantum` tells how the values of a row become bytes.
#[inline(always)]
pub(super) fn pack_strip_as<S: Simd, D: Dot>(
    simd: S,
    dot: D,
    from: MatRef,
    to: &mut [f32],
    width: usize,
    quantum: impl Fn(usize) -> Quantum<f32>,
) {
    let to = &mut to[..from.cols().div_ceil(D::GROUP) * width];
    if from.rows() < width {
        to.fill(0.0);
    }
    if from.cols() == 0 {
        return;
    }
    // From the last rows on: what is written beyond them belongs to the first rows of the next group.
    for rows in ranges(from.rows(), S::LANES).rev() {
        let to = &mut to[rows.start..];
        let last = rows.end - 1;
        // In place of rows that are not there, the last is read again.
        let quanta: [_; MAX_LANES] = std::array::from_fn(|i| quantum((rows.start + i).min(last)));
        let from = from.row_range(rows);
        if from.is_row_major() {
            simd.call(PackRows { dot, from, to, width, quanta });
        } else {
            simd.call(PackColumns { dot, from, to, width, quanta });
        }
    }
}

/// Up to `LANES` rows, each of which lies side by side: they are transposed in registers.
struct PackRows<'a, D> {
    dot: D,
    from: MatRef<'a>,
    to: &'a mut [f32],
    width: usize,
    quanta: [Quantum<f32>; MAX_LANES],
}

impl<D: Dot> Kernel for PackRows<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { dot, from, to, width, quanta } = self;
        let (rows, k) = (from.rows(), from.cols());
        let step = S::LANES * D::GROUP;
        let lines: [&[f32]; MAX_LANES] = std::array::from_fn(|i| &from.line(i.min(rows - 1))[..k]);
        let mut square = [simd.splat(0.0); MAX_LANES];
        for (p, to) in (0..k).step_by(step).zip(to.chunks_mut(S::LANES * width)) {
            for i in 0..S::LANES {
                let values = &lines[i][p..];
                square[i] = if values.len() >= step {
                    dot.groups(simd, values, quanta[i])
                } else {
                    let mut whole = [0.0; 4 * MAX_LANES];
                    whole[..values.len()].copy_from_slice(values);
                    dot.groups(simd, &whole, quanta[i])
                };
            }
            simd.transpose(&mut square[..S::LANES]);
            let n_groups = (k - p).div_ceil(D::GROUP).min(S::LANES);
            for (q, groups) in square[..n_groups].iter().enumerate() {
                put(simd, *groups, &mut to[q * width..], rows);
            }
        }
    }
}

/// Up to `LANES` rows, of which each column lies side by side.
struct PackColumns<'a, D> {
    dot: D,
    from: MatRef<'a>,
    to: &'a mut [f32],
    width: usize,
    quanta: [Quantum<f32>; MAX_LANES],
}

impl<D: Dot> Kernel for PackColumns<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { dot, from, to, width, quanta } = self;
        let rows = from.rows();
        let scales = Quantum {
            inverse: simd.load(&quanta.map(|quantum| quantum.inverse)),
            zero: simd.load(&quanta.map(|quantum| quantum.zero)),
        };
        // What is read beyond the rows is written over by the next group, unless zeros belong there.
        let spills = rows == S::LANES || rows == width;
        let stride = from.col_stride();
        let groups_of_columns = from.line(0).chunks(stride * D::GROUP);
        for ((group, to), columns) in to.chunks_mut(width).enumerate().zip(groups_of_columns) {
            let mut values = [simd.splat(0.0); 4];
            for (i, value) in values[..D::GROUP].iter_mut().enumerate() {
                if group * D::GROUP + i < from.cols() {
                    *value = lanes(simd, &columns[i * stride..], rows);
                }
            }
            let groups = dot.group_of_rows(simd, values, scales);
            if spills && to.len() >= S::LANES {
                simd.store(groups, to);
            } else {
                simd.store_part(groups, &mut to[..rows]);
            }
        }
    }
}

/// The first `len` values, and those behind them where there are enough.
#[inline(always)]
fn lanes<S: Simd>(simd: S, from: &[f32], len: usize) -> S::V {
    if from.len() >= S::LANES { simd.load(from) } else { simd.load_part(&from[..len]) }
}

/// Writes the first `len` lanes, and the others where there is room.
#[inline(always)]
fn put<S: Simd>(simd: S, x: S::V, to: &mut [f32], len: usize) {
    if to.len() >= S::LANES {
        simd.store(x, to);
    } else {
        simd.store_part(x, &mut to[..len]);
    }
}

/// The left operand of a product, cut into strips of as many rows as a tile has.
pub(super) struct Strips<'a, D> {
    dot: PhantomData<D>,
    // Strips one after the other, each `[groups of k × its rows]`.
    data: &'a [f32],
    rows: usize,
    // Groups of k.
    k: usize,
    // Of each row, where the precision has scales.
    scales: &'a [RowScale],
}

impl<'a, D: Dot> Strips<'a, D> {
    /// `scales` has one for each row, where the precision has scales.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(
        simd: S,
        dot: D,
        from: MatRef,
        memory: &'a mut Buffer,
        scales: &'a [RowScale],
    ) -> Self {
        let (rows, k) = (from.rows(), from.cols().div_ceil(D::GROUP));
        let data = memory.resize(rows * k);
        for strip in ranges(rows, strip_rows::<S>(rows)) {
            let to = &mut data[strip.start * k..strip.end * k];
            let quantum = |row: usize| if D::SCALED { scales[strip.start + row].quantum } else { NO_QUANTUM };
            pack_strip_as(simd, dot, from.row_range(strip.clone()), to, strip.len(), quantum);
        }
        Self { dot: PhantomData, data, rows, k, scales }
    }

    /// The rows of each strip, and their packed values.
    #[inline(always)]
    pub(super) fn iter<S: Simd>(&self, _: S) -> impl Iterator<Item = (Range<usize>, &'a [f32])> {
        let (data, k) = (self.data, self.k);
        let strips = ranges(self.rows, strip_rows::<S>(self.rows));
        strips.map(move |strip| (strip.clone(), &data[strip.start * k..strip.end * k]))
    }

    /// The scales of some rows; empty where the precision has none.
    #[inline(always)]
    pub(super) fn scales(&self, rows: Range<usize>) -> &'a [RowScale] {
        if D::SCALED { &self.scales[rows] } else { &[] }
    }
}

/// A packed panel: `[k × width]`, one or two vectors wide.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) width: usize,
}

/// Cuts columns into panels; the last is half as wide where that is enough.
#[inline(always)]
pub(crate) fn panels<S: Simd>(n: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    ranges(n, 2 * S::LANES)
        .map(|cols| (cols.clone(), if cols.len() > S::LANES { 2 * S::LANES } else { S::LANES }))
}

/// The fewest strips of at most `S::TILE_ROWS` rows, all of about the same height.
#[inline(always)]
pub(crate) fn strip_rows<S: Simd>(rows: usize) -> usize {
    rows.div_ceil(rows.div_ceil(S::TILE_ROWS).max(1)).max(1)
}

pub(crate) fn ranges(len: usize, step: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..len).step_by(step).map(move |start| start..len.min(start + step))
}

/// Copies the columns of `from`, `[to.cols() × width]`, to the rows of `to`.
pub(crate) struct UnpackPanel<'a> {
    pub(crate) from: Panel<'a>,
    pub(crate) to: MatMut<'a>,
}

impl Kernel for UnpackPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let Panel { data, width } = self.from;
        for rows in ranges(self.to.rows(), S::LANES) {
            for cols in ranges(self.to.cols(), S::LANES) {
                let mut square = [simd.splat(0.0); MAX_LANES];
                for (i, line) in square[..S::LANES].iter_mut().enumerate() {
                    // In place of lines that are not there, the last is read again.
                    *line = simd.load(&data[(cols.start + i).min(cols.end - 1) * width + rows.start..]);
                }
                simd.transpose(&mut square[..S::LANES]);
                for (line, row) in square[..S::LANES].iter().zip(rows.clone()) {
                    simd.store_at(*line, &mut self.to.row(row)[..cols.end], cols.start);
                }
            }
        }
    }
}
