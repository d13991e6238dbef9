//! The epilogue of a tile, while it is in the cache.

use std::{marker::PhantomData, ops::Range};

use super::{Epilogue, dot::Dot, quantize::Scales};
use crate::{
    Activation,
    activation::value,
    simd::{Kernel, MAX_LANES, MatMut, Simd},
};

/// The epilogue of some rows and columns of the output.
pub(super) struct Finish<'a> {
    // One value a column.
    bias: Option<&'a [f32]>,
    activation: Activation,
    // In the shape of the output.
    pre: Option<MatMut<'a>>,
}

impl<'a> Finish<'a> {
    pub(super) fn new(epilogue: Epilogue<'a>, m: usize, n: usize) -> Self {
        let (bias, activation, pre) = match epilogue {
            Epilogue::None => (None, Activation::Identity, None),
            Epilogue::Bias(bias) => (Some(bias), Activation::Identity, None),
            Epilogue::Activation { bias, activation, pre } => (bias, activation, pre),
        };
        if let Some(bias) = bias {
            assert_eq!(bias.len(), n, "a bias for each column");
        }
        Self { bias, activation, pre: pre.map(|pre| MatMut::new(pre, m, n)) }
    }

    /// The part for the first `rows` rows, and the rest.
    pub(super) fn split_rows(self, rows: usize) -> (Self, Self) {
        let (first, rest) = self.pre.map(|pre| pre.split_rows(rows)).unzip();
        (Self { pre: first, ..self }, Self { pre: rest, ..self })
    }

    /// The part for the first `cols` columns, and the rest.
    pub(super) fn split_cols(self, cols: usize) -> (Self, Self) {
        let (first, rest) = self.pre.map(|pre| pre.split_cols(cols)).unzip();
        let (bias, bias_rest) = self.bias.map(|bias| bias.split_at(cols)).unzip();
        (Self { bias, pre: first, ..self }, Self { bias: bias_rest, pre: rest, ..self })
    }

    /// Finishes a tile that lies at some rows and columns.
    #[inline(always)]
    pub(super) fn apply<S: Simd, D: Dot>(
        &mut self,
        simd: S,
        _: D,
        tile: MatMut,
        (rows, cols): (Range<usize>, Range<usize>),
        scales: Scales,
    ) {
        let nothing = self.bias.is_none() && self.pre.is_none() && self.activation == Activation::Identity;
        if nothing && !D::SCALED {
            return;
        }
        if cols.len() > S::LANES {
            simd.call(FinishTile::<D, 2> { dot: PhantomData, finish: self, tile, rows, cols, scales });
        } else {
            simd.call(FinishTile::<D, 1> { dot: PhantomData, finish: self, tile, rows, cols, scales });
        }
    }
}

/// The epilogue of a tile that is `NV` vectors wide; the last vector may be a part.
struct FinishTile<'f, 'a, D, const NV: usize> {
    dot: PhantomData<D>,
    finish: &'f mut Finish<'a>,
    tile: MatMut<'f>,
    rows: Range<usize>,
    cols: Range<usize>,
    scales: Scales<'f>,
}

impl<D: Dot, const NV: usize> Kernel for FinishTile<'_, '_, D, NV> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { finish, mut tile, rows, cols, scales, .. } = self;
        let is_whole = cols.len() == NV * S::LANES;
        let columns = scales.columns::<S, D, NV>(simd, cols.len());
        let mut bias = [simd.splat(0.0); NV];
        if let Some(all) = finish.bias {
            for (v, bias) in bias.iter_mut().enumerate() {
                *bias = simd.load_at(&all[cols.clone()], v * S::LANES);
            }
        }
        for i in 0..rows.len() {
            let row = tile.row(i);
            let mut whole = [0.0; 2 * MAX_LANES];
            if !is_whole {
                whole[..row.len()].copy_from_slice(row);
            }
            let mut x = [simd.splat(0.0); NV];
            for (v, x) in x.iter_mut().enumerate() {
                let from = if is_whole { &row[v * S::LANES..] } else { &whole[v * S::LANES..] };
                *x = columns.dequantize(simd, i, v, simd.load(from));
                if finish.bias.is_some() {
                    *x = simd.add(*x, bias[v]);
                }
            }
            if let Some(pre) = &mut finish.pre {
                put_all(simd, x, &mut pre.row(rows.start + i)[cols.clone()]);
            }
            for x in &mut x {
                *x = value(simd, finish.activation, *x);
            }
            put_all(simd, x, row);
        }
    }
}

/// Writes as many values as there is room for.
#[inline(always)]
fn put_all<S: Simd, const NV: usize>(simd: S, x: [S::V; NV], to: &mut [f32]) {
    for (v, x) in x.iter().enumerate() {
        simd.store_at(*x, to, v * S::LANES);
    }
}
