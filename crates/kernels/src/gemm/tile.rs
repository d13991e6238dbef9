//! The innermost product, whose result stays in registers.

use super::dot::Dot;
use crate::{
    Write,
    simd::{Kernel, MAX_LANES, MAX_TILE_ROWS, MatMut, Simd},
};

/// `c = a * b` or `c += a * b` for a few rows of the left operand and a few columns of the right one.
pub(crate) struct Tile<'a, D> {
    pub(crate) dot: D,
    /// Groups of k.
    pub(crate) k: usize,
    /// `[groups of k × c.rows()]`
    pub(crate) a: &'a [f32],
    /// Floats from one group of `a` to the next.
    pub(crate) a_stride: usize,
    /// `[groups of k × width]`
    pub(crate) b: &'a [f32],
    /// Floats from one group of `b` to the next.
    pub(crate) b_stride: usize,
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
        let Tile { dot, k, a, a_stride, b, b_stride, width, mut c, write } = self;
        assert!(k == 0 || a.len() > (k - 1) * a_stride && b.len() > (k - 1) * b_stride, "operands of {k} k");
        let terms = a.chunks(a_stride).zip(b.chunks(b_stride)).take(k);
        if c.cols() == width {
            return by_width((simd, dot), terms, width, &mut c, write);
        }
        // The last columns go through a full tile.
        let mut whole = [0.0; MAX_TILE_ROWS * 2 * MAX_LANES];
        let mut whole = MatMut::new(&mut whole[..c.rows() * width], c.rows(), width);
        let cols = c.cols();
        if write == Write::Add {
            (0..c.rows()).for_each(|r| whole.row(r)[..cols].copy_from_slice(c.row(r)));
        }
        by_width((simd, dot), terms, width, &mut whole, write);
        (0..c.rows()).for_each(|r| c.row(r).copy_from_slice(&whole.row(r)[..cols]));
    }
}

/// The groups of `a` and of `b` for each k; what follows them in memory may be included.
trait Terms<'a>: Iterator<Item = (&'a [f32], &'a [f32])> {}

impl<'a, T: Iterator<Item = (&'a [f32], &'a [f32])>> Terms<'a> for T {}

#[inline(always)]
fn by_width<'a, S: Simd, D: Dot>(
    with: (S, D),
    terms: impl Terms<'a>,
    width: usize,
    c: &mut MatMut,
    write: Write,
) {
    if width == 2 * S::LANES {
        by_rows::<_, _, 2>(with, terms, c, write);
    } else {
        assert_eq!(width, S::LANES, "a panel is one or two vectors wide");
        by_rows::<_, _, 1>(with, terms, c, write);
    }
}

#[inline(always)]
fn by_rows<'a, S: Simd, D: Dot, const NV: usize>(
    with: (S, D),
    terms: impl Terms<'a>,
    c: &mut MatMut,
    write: Write,
) {
    match c.rows() {
        1 => multiply::<_, _, 1, NV>(with, terms, c, write),
        2 => multiply::<_, _, 2, NV>(with, terms, c, write),
        3 => multiply::<_, _, 3, NV>(with, terms, c, write),
        4 => multiply::<_, _, 4, NV>(with, terms, c, write),
        5 if S::TILE_ROWS >= 5 => multiply::<_, _, 5, NV>(with, terms, c, write),
        6 if S::TILE_ROWS >= 6 => multiply::<_, _, 6, NV>(with, terms, c, write),
        7 if S::TILE_ROWS >= 7 => multiply::<_, _, 7, NV>(with, terms, c, write),
        8 if S::TILE_ROWS >= 8 => multiply::<_, _, 8, NV>(with, terms, c, write),
        9 if S::TILE_ROWS >= 9 => multiply::<_, _, 9, NV>(with, terms, c, write),
        10 if S::TILE_ROWS >= 10 => multiply::<_, _, 10, NV>(with, terms, c, write),
        11 if S::TILE_ROWS >= 11 => multiply::<_, _, 11, NV>(with, terms, c, write),
        12 if S::TILE_ROWS >= 12 => multiply::<_, _, 12, NV>(with, terms, c, write),
        13 if S::TILE_ROWS >= 13 => multiply::<_, _, 13, NV>(with, terms, c, write),
        14 if S::TILE_ROWS >= 14 => multiply::<_, _, 14, NV>(with, terms, c, write),
        rows => assert_eq!(rows, 0, "at most {} rows in a tile", S::TILE_ROWS),
    }
}

/// How far ahead of the tile its right operand is fetched, in floats. A weight that only few rows read comes from
/// memory, faster than the CPU foresees.
const AHEAD: usize = 512;

/// Each value is one chain of multiply-adds in the order of k, begun at zero or at the value that `c` holds.
/// So its bits depend neither on the tile's shape nor on how k is cut.
#[inline(always)]
fn multiply<'a, S: Simd, D: Dot, const R: usize, const NV: usize>(
    (simd, dot): (S, D),
    terms: impl Terms<'a>,
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
    for (a, b) in terms {
        let (a, b) = (&a[..R], &b[..NV * S::LANES]);
        let mut columns = [simd.splat(0.0); NV];
        for (v, column) in columns.iter_mut().enumerate() {
            *column = simd.load(&b[v * S::LANES..]);
            simd.prefetch(b, AHEAD + v * S::LANES);
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
