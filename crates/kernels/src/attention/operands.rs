//! The operands of attention's products. As little as possible is copied: a panel of scores is a left operand as
//! it is, and rows of `qkv` are a right operand where they lie.

use std::ops::Range;

use crate::{
    MatRef, Write,
    buffer::Buffer,
    gemm::{F32, Tile, pack_strip, panels, ranges, strip_rows},
    simd::{MatMut, Simd},
};

/// The left operand of a product, `[rows × k]`.
pub(crate) struct Left<'a> {
    // Blocks of two vectors of rows (the last may be one vector) end to end, each transposed: `[k × its rows]`.
    data: &'a [f32],
    rows: usize,
    k: usize,
}

impl<'a> Left<'a> {
    /// Transposes blocks of rows into memory.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(simd: S, from: MatRef, memory: &'a mut Buffer) -> Self {
        let (rows, k) = (from.rows(), from.cols());
        let data = memory.resize(rows.next_multiple_of(S::LANES) * k);
        for (block, width) in panels::<S>(rows) {
            pack_strip(simd, from.row_range(block.clone()), &mut data[block.start * k..], width);
        }
        Self { data, rows, k }
    }

    /// A panel of scores, `[keys × queries]`, as a matrix of queries and keys.
    #[inline(always)]
    pub(super) fn scores(data: &'a [f32], n_queries: usize, n_keys: usize) -> Self {
        Self { data, rows: n_queries, k: n_keys }
    }
}

/// The right operand of a product, `[k × columns]`.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    matrix: MatRef<'a>,
    // The last columns, `[k × width]`, where they do not fill a panel; `width` is 0 where they do.
    tail: &'a [f32],
    width: usize,
}

impl<'a> Right<'a> {
    /// A row-major matrix, read where it lies but for last columns that fill no panel.
    #[inline(always)]
    pub(crate) fn new<S: Simd>(simd: S, matrix: MatRef<'a>, memory: &'a mut Buffer) -> Self {
        match panels::<S>(matrix.cols()).last() {
            Some((cols, width)) if cols.len() < width => {
                let tail = memory.resize(matrix.rows() * width);
                pack_strip(simd, matrix.col_range(cols).transposed(), tail, width);
                Self { matrix, tail, width }
            }
            _ => Self { matrix, tail: &[], width: 0 },
        }
    }

    /// A packed panel, `[k × width]`.
    #[inline(always)]
    pub(crate) fn panel(data: &'a [f32], width: usize) -> Self {
        Self { matrix: MatRef::new(data, data.len() / width, width), tail: &[], width: 0 }
    }

    /// Some rows of it.
    #[inline(always)]
    pub(crate) fn row_range(self, rows: Range<usize>) -> Self {
        let tail = &self.tail[rows.start * self.width..rows.end * self.width];
        Self { matrix: self.matrix.row_range(rows), tail, ..self }
    }

    /// The values of some columns, and the floats from one row of them to the next.
    #[inline(always)]
    fn columns(&self, cols: Range<usize>, width: usize) -> (&'a [f32], usize) {
        if cols.len() < width {
            (self.tail, width)
        } else {
            (&self.matrix.line(0)[cols.start..], self.matrix.row_stride())
        }
    }
}

/// `c = left * right`, or `c += left * right`, for some rows of the left operand.
///
/// Each value is one chain of multiply-adds in the order of k.
#[inline(always)]
pub(crate) fn product<S: Simd>(
    simd: S,
    (left, rows): (&Left, Range<usize>),
    right: Right,
    mut c: MatMut,
    write: Write,
) {
    let k = right.matrix.rows();
    assert!(k <= left.k && rows.end <= left.rows && rows.len() == c.rows(), "shapes of a product");
    for (cols, width) in panels::<S>(c.cols()) {
        let (b, b_stride) = right.columns(cols.clone(), width);
        for (block, a_stride) in panels::<S>(left.rows) {
            let first = block.start.max(rows.start);
            let n_rows = block.end.min(rows.end).saturating_sub(first);
            for strip in ranges(n_rows, strip_rows::<S>(n_rows)) {
                let a = &left.data[block.start * left.k + first - block.start + strip.start..];
                let place = first - rows.start;
                let c = c.window(place + strip.start..place + strip.end, cols.clone());
                simd.call(Tile { dot: F32, k, a, a_stride, b, b_stride, width, c, write });
            }
        }
    }
}
