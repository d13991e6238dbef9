//! The epilogue of a tile, while it is in the cache.

use std::ops::Range;

use super::Epilogue;
use crate::{
    Activation,
    activation::activate_with,
    elementwise::add_with,
    simd::{MatMut, Simd},
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
    pub(super) fn apply<S: Simd>(
        &mut self,
        simd: S,
        mut tile: MatMut,
        rows: Range<usize>,
        cols: Range<usize>,
    ) {
        if self.bias.is_none() && self.pre.is_none() && self.activation == Activation::Identity {
            return;
        }
        for i in 0..rows.len() {
            let c = tile.row(i);
            if let Some(bias) = self.bias {
                add_with(simd, &bias[cols.clone()], c);
            }
            if let Some(pre) = &mut self.pre {
                pre.row(rows.start + i)[cols.clone()].copy_from_slice(c);
            }
            if self.activation != Activation::Identity {
                activate_with(simd, self.activation, c);
            }
        }
    }
}
