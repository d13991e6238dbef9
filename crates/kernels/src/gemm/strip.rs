//! The order in which the tile reads its operands: a few rows or columns side by side, k after k.

use crate::{MatRef, simd::Simd};

/// Copies the rows of `from` side by side: `to[p * width + i] = from[i][p]`. Places from `from.rows()` to
/// `width` become zero.
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
    for first in (0..from.rows()).step_by(S::LANES) {
        let rows = from.row_range(first..from.rows().min(first + S::LANES));
        if rows.is_row_major() {
            pack_rows(simd, rows, &mut to[first..], width);
        } else {
            pack_columns(simd, rows, &mut to[first..], width);
        }
    }
}

/// Up to `LANES` rows that lie in memory one after the other, transposed in registers.
#[inline(always)]
fn pack_rows<S: Simd>(simd: S, from: MatRef, to: &mut [f32], width: usize) {
    let (rows, k) = (from.rows(), from.cols());
    let zero = simd.splat(0.0);
    let whole = k / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let mut square = [zero; crate::simd::MAX_LANES];
        for (i, row) in square[..S::LANES].iter_mut().enumerate() {
            *row = if i < rows { simd.load(&from.line(i)[p..]) } else { zero };
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

/// Up to `LANES` rows of which each column lies side by side.
#[inline(always)]
fn pack_columns<S: Simd>(simd: S, from: MatRef, to: &mut [f32], width: usize) {
    let rows = from.rows();
    for p in 0..from.cols() {
        let column = from.line(p);
        // What is read beyond the rows is written over by the next column, unless zeros belong there.
        let whole = column.len() >= S::LANES && (rows == S::LANES || rows == width);
        let column = if whole { simd.load(column) } else { simd.load_part(&column[..rows]) };
        put(simd, column, &mut to[p * width..], rows);
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

/// Cuts `rows` into the fewest strips of at most `S::TILE_ROWS` rows, all of about the same height.
#[inline(always)]
pub(crate) fn strip_rows<S: Simd>(rows: usize) -> usize {
    rows.div_ceil(rows.div_ceil(S::TILE_ROWS).max(1)).max(1)
}
