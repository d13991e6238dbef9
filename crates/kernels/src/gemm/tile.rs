//! The innermost product, whose result stays in registers.

use super::dot::Dot;
use crate::{
    Write,
    simd::{Kernel, MAX_LANES, MAX_TILE_ROWS, MatMut, Simd},
};

/// `c = a * b` or `c += a * b` for a packed strip and a packed panel.
pub(crate) struct Tile<'a, D> {
    pub(crate) dot: D,
    /// `[groups of k × c.rows()]`
    pub(crate) a: &'a [f32],
    /// `[groups of k × width]`
    pub(crate) b: &'a [f32],
    /// One or two vectors.
    pub(crate) width: usize,
    /// At most `TILE_ROWS` rows and `width` columns, which receive the sums as 32-bit groups.
    pub(crate) c: MatMut<'a>,
    pub(crate) write: Write,
}

impl<D: Dot> Kernel for Tile<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile { dot, a, b, width, mut c, write } = self;
        if c.cols() == width {
            return by_width((simd, dot), a, b, width, &mut c, write);
        }
        // The last columns go through a full tile.
        let mut whole = [0.0; MAX_TILE_ROWS * 2 * MAX_LANES];
        let mut whole = MatMut::new(&mut whole[..c.rows() * width], c.rows(), width);
        let cols = c.cols();
        if write == Write::Add {
            (0..c.rows()).for_each(|r| whole.row(r)[..cols].copy_from_slice(c.row(r)));
        }
        by_width((simd, dot), a, b, width, &mut whole, write);
        (0..c.rows()).for_each(|r| c.row(r).copy_from_slice(&whole.row(r)[..cols]));
    }
}

#[inline(always)]
fn by_width<S: Simd, D: Dot>(with: (S, D), a: &[f32], b: &[f32], width: usize, c: &mut MatMut, write: Write) {
    if width == 2 * S::LANES {
        by_rows::<S, D, 2>(with, a, b, c, write);
    } else {
        assert_eq!(width, S::LANES, "a panel is one or two vectors wide");
        by_rows::<S, D, 1>(with, a, b, c, write);
    }
}

#[inline(always)]
fn by_rows<S: Simd, D: Dot, const NV: usize>(
    with: (S, D),
    a: &[f32],
    b: &[f32],
    c: &mut MatMut,
    write: Write,
) {
    match c.rows() {
        1 => multiply::<S, D, 1, NV>(with, a, b, c, write),
        2 => multiply::<S, D, 2, NV>(with, a, b, c, write),
        3 => multiply::<S, D, 3, NV>(with, a, b, c, write),
        4 => multiply::<S, D, 4, NV>(with, a, b, c, write),
        5 if S::TILE_ROWS >= 5 => multiply::<S, D, 5, NV>(with, a, b, c, write),
        6 if S::TILE_ROWS >= 6 => multiply::<S, D, 6, NV>(with, a, b, c, write),
        7 if S::TILE_ROWS >= 7 => multiply::<S, D, 7, NV>(with, a, b, c, write),
        8 if S::TILE_ROWS >= 8 => multiply::<S, D, 8, NV>(with, a, b, c, write),
        9 if S::TILE_ROWS >= 9 => multiply::<S, D, 9, NV>(with, a, b, c, write),
        10 if S::TILE_ROWS >= 10 => multiply::<S, D, 10, NV>(with, a, b, c, write),
        11 if S::TILE_ROWS >= 11 => multiply::<S, D, 11, NV>(with, a, b, c, write),
        12 if S::TILE_ROWS >= 12 => multiply::<S, D, 12, NV>(with, a, b, c, write),
        13 if S::TILE_ROWS >= 13 => multiply::<S, D, 13, NV>(with, a, b, c, write),
        14 if S::TILE_ROWS >= 14 => multiply::<S, D, 14, NV>(with, a, b, c, write),
        rows => assert_eq!(rows, 0, "at most {} rows in a tile", S::TILE_ROWS),
    }
}

/// Each value is one chain of multiply-adds in the order of k, begun at zero or at the value that `c` holds.
/// So its bits depend neither on the tile's shape nor on how k is cut.
#[inline(always)]
fn multiply<S: Simd, D: Dot, const R: usize, const NV: usize>(
    (simd, dot): (S, D),
    a: &[f32],
    b: &[f32],
    c: &mut MatMut,
    write: Write,
) {
    let mut sums = [[dot.load(simd, simd.splat(0.0)); NV]; R];
    if write == Write::Add {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = dot.load(simd, simd.load(&c.row(r)[v * S::LANES..]));
            }
        }
    }
    for (a, b) in a.as_chunks::<R>().0.iter().zip(b.chunks_exact(NV * S::LANES)) {
        let mut columns = [simd.splat(0.0); NV];
        for (v, column) in columns.iter_mut().enumerate() {
            *column = simd.load(&b[v * S::LANES..]);
        }
        for r in 0..R {
            let row = simd.splat(a[r]);
            for v in 0..NV {
                sums[r][v] = dot.multiply_add(simd, row, columns[v], sums[r][v]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            simd.store(dot.store(simd, *sum), &mut c.row(r)[v * S::LANES..]);
        }
    }
}
