//! The innermost product, whose result stays in registers.

use crate::{
    Write,
    simd::{Kernel, MAX_LANES, MAX_TILE_ROWS, MatMut, Simd},
};

/// `c = a * b` or `c += a * b` for a few rows of the left operand and a few columns of the right one.
pub(crate) struct Tile<'a> {
    /// The terms of a sum.
    pub(crate) k: usize,
    /// `[k × c.rows()]`
    pub(crate) a: &'a [f32],
    /// Floats from one k of `a` to the next.
    pub(crate) a_stride: usize,
    /// `[k × width]`
    pub(crate) b: &'a [f32],
    /// Floats from one k of `b` to the next.
    pub(crate) b_stride: usize,
    /// One or two vectors.
    pub(crate) width: usize,
    /// At most `TILE_ROWS` rows and `width` columns.
    pub(crate) c: MatMut<'a>,
    pub(crate) write: Write,
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile { k, a, a_stride, b, b_stride, width, mut c, write } = self;
        assert!(k == 0 || a.len() > (k - 1) * a_stride && b.len() > (k - 1) * b_stride, "operands of {k} k");
        let terms = a.chunks(a_stride).zip(b.chunks(b_stride)).take(k);
        if c.cols() == width {
            return by_width(simd, terms, width, &mut c, write);
        }
        // The last columns go through a full tile.
        let mut whole = [0.0; MAX_TILE_ROWS * 2 * MAX_LANES];
        let mut whole = MatMut::new(&mut whole[..c.rows() * width], c.rows(), width);
        let cols = c.cols();
        if write == Write::Add {
            (0..c.rows()).for_each(|r| whole.row(r)[..cols].copy_from_slice(c.row(r)));
        }
        by_width(simd, terms, width, &mut whole, write);
        (0..c.rows()).for_each(|r| c.row(r).copy_from_slice(&whole.row(r)[..cols]));
    }
}

/// The values of `a` and of `b` for each k; what follows them in memory may be included.
trait Terms<'a>: Iterator<Item = (&'a [f32], &'a [f32])> {}

impl<'a, T: Iterator<Item = (&'a [f32], &'a [f32])>> Terms<'a> for T {}

#[inline(always)]
fn by_width<'a, S: Simd>(simd: S, terms: impl Terms<'a>, width: usize, c: &mut MatMut, write: Write) {
    if width == 2 * S::LANES {
        by_rows::<S, 2>(simd, terms, c, write);
    } else {
        assert_eq!(width, S::LANES, "a panel is one or two vectors wide");
        by_rows::<S, 1>(simd, terms, c, write);
    }
}

#[inline(always)]
fn by_rows<'a, S: Simd, const NV: usize>(simd: S, terms: impl Terms<'a>, c: &mut MatMut, write: Write) {
    match c.rows() {
        1 => multiply::<S, 1, NV>(simd, terms, c, write),
        2 => multiply::<S, 2, NV>(simd, terms, c, write),
        3 => multiply::<S, 3, NV>(simd, terms, c, write),
        4 => multiply::<S, 4, NV>(simd, terms, c, write),
        5 if S::TILE_ROWS >= 5 => multiply::<S, 5, NV>(simd, terms, c, write),
        6 if S::TILE_ROWS >= 6 => multiply::<S, 6, NV>(simd, terms, c, write),
        7 if S::TILE_ROWS >= 7 => multiply::<S, 7, NV>(simd, terms, c, write),
        8 if S::TILE_ROWS >= 8 => multiply::<S, 8, NV>(simd, terms, c, write),
        9 if S::TILE_ROWS >= 9 => multiply::<S, 9, NV>(simd, terms, c, write),
        10 if S::TILE_ROWS >= 10 => multiply::<S, 10, NV>(simd, terms, c, write),
        11 if S::TILE_ROWS >= 11 => multiply::<S, 11, NV>(simd, terms, c, write),
        12 if S::TILE_ROWS >= 12 => multiply::<S, 12, NV>(simd, terms, c, write),
        13 if S::TILE_ROWS >= 13 => multiply::<S, 13, NV>(simd, terms, c, write),
        14 if S::TILE_ROWS >= 14 => multiply::<S, 14, NV>(simd, terms, c, write),
        rows => assert_eq!(rows, 0, "at most {} rows in a tile", S::TILE_ROWS),
    }
}

/// Each value is one chain of multiply-adds in the order of k, begun at zero or at the value that `c` holds.
/// So its bits depend neither on the tile's shape nor on how k is cut.
#[inline(always)]
fn multiply<'a, S: Simd, const R: usize, const NV: usize>(
    simd: S,
    terms: impl Terms<'a>,
    c: &mut MatMut,
    write: Write,
) {
    let mut sums = [[simd.splat(0.0); NV]; R];
    if write == Write::Add {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = simd.load(&c.row(r)[v * S::LANES..]);
            }
        }
    }
    for (a, b) in terms {
        let (a, b) = (&a[..R], &b[..NV * S::LANES]);
        let mut columns = [simd.splat(0.0); NV];
        for (v, column) in columns.iter_mut().enumerate() {
            *column = simd.load(&b[v * S::LANES..]);
        }
        for r in 0..R {
            let row = simd.splat(a[r]);
            for v in 0..NV {
                sums[r][v] = simd.mul_add(row, columns[v], sums[r][v]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            simd.store(*sum, &mut c.row(r)[v * S::LANES..]);
        }
    }
}
