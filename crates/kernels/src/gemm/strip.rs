//! The order in which the tile reads its operands: a few rows or columns side by side, k after k.

use std::ops::Range;

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
    let to = &mut to[..from.cols() * width];
    if from.rows() < width {
        to.fill(0.0);
    }
    if from.cols() == 0 {
        return;
    }
    for rows in ranges(from.rows(), S::LANES) {
        let to = &mut to[rows.start..];
        let from = from.row_range(rows);
        if from.is_row_major() {
            simd.call(PackRows { from, to, width });
        } else {
            simd.call(PackColumns { from, to, width });
        }
    }
}

/// Up to `LANES` rows, each of which lies side by side: they are transposed in registers.
struct PackRows<'a> {
    from: MatRef<'a>,
    to: &'a mut [f32],
    width: usize,
}

impl Kernel for PackRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, to, width } = self;
        let (rows, k) = (from.rows(), from.cols());
        let whole = k / S::LANES * S::LANES;
        // In place of rows that are not there, the last is read again.
        let lines: [&[f32]; MAX_LANES] = std::array::from_fn(|i| &from.line(i.min(rows - 1))[..k]);
        for p in (0..whole).step_by(S::LANES) {
            let mut square = [simd.splat(0.0); MAX_LANES];
            for i in 0..S::LANES {
                square[i] = simd.load(&lines[i][p..]);
            }
            simd.transpose(&mut square[..S::LANES]);
            for (q, column) in square[..S::LANES].iter().enumerate() {
                put(simd, *column, &mut to[(p + q) * width..], rows);
            }
        }
        for p in whole..k {
            for i in 0..rows {
                to[p * width + i] = from.at(i, p);
            }
        }
    }
}

/// Up to `LANES` rows, of which each column lies side by side.
struct PackColumns<'a> {
    from: MatRef<'a>,
    to: &'a mut [f32],
    width: usize,
}

impl Kernel for PackColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.from.rows();
        // What is read beyond the rows is written over by the next column, unless zeros belong there.
        let spills = rows == S::LANES || rows == self.width;
        for (p, to) in self.to.chunks_mut(self.width).enumerate() {
            let column = self.from.line(p);
            if spills && column.len() >= S::LANES && to.len() >= S::LANES {
                simd.store(simd.load(column), to);
            } else {
                simd.store_part(simd.load_part(&column[..rows]), &mut to[..rows]);
            }
        }
    }
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
pub(crate) struct Strips<'a> {
    // Strips one after the other, each `[k × its rows]`.
    data: &'a [f32],
    rows: usize,
    k: usize,
}

impl<'a> Strips<'a> {
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(simd: S, from: MatRef, memory: &'a mut Buffer) -> Self {
        let (rows, k) = (from.rows(), from.cols());
        let data = memory.resize(rows * k);
        for strip in ranges(rows, strip_rows::<S>(rows)) {
            let to = &mut data[strip.start * k..strip.end * k];
            pack_strip(simd, from.row_range(strip.clone()), to, strip.len());
        }
        Self { data, rows, k }
    }

    /// The rows of each strip, and their packed values.
    #[inline(always)]
    pub(crate) fn iter<S: Simd>(&self, _: S) -> impl Iterator<Item = (Range<usize>, &'a [f32])> {
        let (data, k) = (self.data, self.k);
        let strips = ranges(self.rows, strip_rows::<S>(self.rows));
        strips.map(move |strip| (strip.clone(), &data[strip.start * k..strip.end * k]))
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

pub(crate) fn ranges(len: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
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
