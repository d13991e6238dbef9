//! Layer normalisation with the residual sum and the dropout that precede it.

mod backward;
#[cfg(test)]
mod tests;

use crate::{
    Dropout,
    dropout::dropout_with,
    elementwise::add_with,
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// The parameters of a layer normalisation.
pub struct LayerNorm<'a> {
    /// The factor of each column.
    pub weight: &'a [f32],
    /// The offset of each column.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

/// Each row's mean and 1 / standard deviation, kept for the backward pass.
#[derive(Clone, Debug, Default)]
pub struct RowStats {
    /// The mean of each row.
    pub mean: Vec<f32>,
    /// `1 / sqrt(variance + eps)` of each row.
    pub rstd: Vec<f32>,
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Copy)]
pub struct LayerNormSaved<'a> {
    /// The rows that were normalised.
    pub sum: &'a [f32],
    /// Their statistics.
    pub stats: &'a RowStats,
}

/// `sum = dropout(x) + residual`, `y = layer_norm(sum)`; the sum replaces `x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn add_layer_norm(
    norm: &LayerNorm,
    x: &mut [f32],
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
    y: &mut [f32],
) -> RowStats {
    forward(Isa::best(), norm, (x, y), residual, dropout)
}

/// The gradient of the sum replaces `d_sum`; those of weight and bias are added to `d_params` where given.
///
/// # Panics
/// If the lengths do not fit.
pub fn layer_norm_backward(
    norm: &LayerNorm,
    saved: LayerNormSaved,
    dy: &[f32],
    d_sum: &mut [f32],
    d_params: Option<(&mut [f32], &mut [f32])>,
) {
    backward::backward(Isa::best(), norm, saved, (dy, d_sum), d_params);
}

fn forward(
    isa: Isa,
    norm: &LayerNorm,
    (x, y): (&mut [f32], &mut [f32]),
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
) -> RowStats {
    let cols = norm.weight.len();
    assert_eq!(norm.bias.len(), cols, "an offset for each column");
    assert_eq!(x.len(), y.len(), "an output for each value");
    assert!(residual.is_none_or(|residual| residual.len() == x.len()), "a residual for each value");
    let n_rows = n_rows(x, cols);
    let mut stats = RowStats { mean: vec![0.0; n_rows], rstd: vec![0.0; n_rows] };
    let step = rows_per_chunk(cols);
    let outputs = y.chunks_mut((step * cols).max(1));
    let stats_chunks = stats.mean.chunks_mut(step).zip(stats.rstd.chunks_mut(step));
    let mut chunks = Vec::new();
    for ((x, y), (mean, rstd)) in x.chunks_mut((step * cols).max(1)).zip(outputs).zip(stats_chunks) {
        let first = chunks.len() * step * cols;
        let residual = residual.map(|residual| &residual[first..][..x.len()]);
        chunks.push(Forward { norm, residual, dropout, first, x, y, mean, rstd });
    }
    for_each(chunks, |chunk| isa.run(chunk));
    stats
}

fn n_rows(x: &[f32], cols: usize) -> usize {
    if x.is_empty() {
        return 0;
    }
    assert_eq!(x.len() % cols, 0, "rows of {cols} columns");
    x.len() / cols
}

/// Some rows of the forward pass.
struct Forward<'a> {
    norm: &'a LayerNorm<'a>,
    residual: Option<&'a [f32]>,
    dropout: Option<Dropout>,
    // The index of the first value.
    first: usize,
    x: &'a mut [f32],
    y: &'a mut [f32],
    mean: &'a mut [f32],
    rstd: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.norm.weight.len();
        for row in 0..self.mean.len() {
            let range = row * cols..(row + 1) * cols;
            let x = &mut self.x[range.clone()];
            if let Some(dropout) = self.dropout {
                dropout_with(simd, dropout, self.first + range.start, x);
            }
            if let Some(residual) = self.residual {
                add_with(simd, &residual[range.clone()], x);
            }
            let (mean, rstd) = stats(simd, x, self.norm.eps);
            (self.mean[row], self.rstd[row]) = (mean, rstd);
            normalise(simd, self.norm, (mean, rstd), x, &mut self.y[range]);
        }
    }
}

/// The mean of a row and 1 / its standard deviation.
#[inline(always)]
fn stats<S: Simd>(simd: S, x: &[f32], eps: f32) -> (f32, f32) {
    let (whole, rest) = x.split_at(x.len() / S::LANES * S::LANES);
    let mut sum = simd.splat(0.0);
    for x in whole.chunks_exact(S::LANES) {
        sum = simd.add(sum, simd.load(x));
    }
    let mean = (simd.sum(sum) + rest.iter().sum::<f32>()) / x.len() as f32;
    let (mut squares, means) = (simd.splat(0.0), simd.splat(mean));
    for x in whole.chunks_exact(S::LANES) {
        let distance = simd.sub(simd.load(x), means);
        squares = simd.mul_add(distance, distance, squares);
    }
    let rest = rest.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>();
    let variance = (simd.sum(squares) + rest) / x.len() as f32;
    (mean, 1.0 / (variance + eps).sqrt())
}

#[inline(always)]
fn normalise<S: Simd>(simd: S, norm: &LayerNorm, (mean, rstd): (f32, f32), x: &[f32], y: &mut [f32]) {
    let (mean, rstd) = (simd.splat(mean), simd.splat(rstd));
    for i in (0..x.len()).step_by(S::LANES) {
        let x_hat = simd.mul(simd.sub(simd.load_at(x, i), mean), rstd);
        let scaled = simd.mul_add(x_hat, simd.load_at(norm.weight, i), simd.load_at(norm.bias, i));
        simd.store_at(scaled, y, i);
    }
}
