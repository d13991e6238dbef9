//! Normalisation of rows, with the dropout and the residual sum that precede it.

mod backward;
mod layer_norm;
mod rms_norm;
#[cfg(test)]
mod tests;

pub use layer_norm::{LayerNorm, LayerNormSaved, add_layer_norm, layer_norm_backward};
pub use rms_norm::{RmsNorm, RmsNormSaved, add_rms_norm, rms_norm_backward};

use crate::{
    Dropout,
    dropout::dropout_with,
    elementwise::add_with,
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// Each row's mean and 1 / standard deviation, kept for the backward pass.
#[derive(Clone, Debug, Default)]
pub struct RowStats {
    /// The mean of each row.
    pub mean: Vec<f32>,
    /// `1 / sqrt(variance + eps)` of each row.
    pub rstd: Vec<f32>,
}

/// `y = (x - mean) * rstd * (weight + offset) + bias`. Without biases the mean is not taken away either: it counts
/// as zero, also in the variance.
#[derive(Clone, Copy)]
struct Norm<'a> {
    weight: &'a [f32],
    offset: f32,
    bias: Option<&'a [f32]>,
    eps: f32,
}

impl Norm<'_> {
    #[inline(always)]
    fn is_centered(&self) -> bool {
        self.bias.is_some()
    }
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Copy)]
struct Saved<'a> {
    sum: &'a [f32],
    // Empty where no mean was taken away.
    mean: &'a [f32],
    rstd: &'a [f32],
}

fn forward(
    isa: Isa,
    norm: &Norm,
    (x, y): (&mut [f32], &mut [f32]),
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
) -> RowStats {
    let cols = norm.weight.len();
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
    norm: &'a Norm<'a>,
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
        for row in 0..self.rstd.len() {
            let range = row * cols..(row + 1) * cols;
            let x = &mut self.x[range.clone()];
            if let Some(dropout) = self.dropout {
                dropout_with(simd, dropout, self.first + range.start, x);
            }
            if let Some(residual) = self.residual {
                add_with(simd, &residual[range.clone()], x);
            }
            let mean = if self.norm.is_centered() { mean(simd, x) } else { 0.0 };
            let rstd = 1.0 / (variance(simd, x, mean) + self.norm.eps).sqrt();
            (self.mean[row], self.rstd[row]) = (mean, rstd);
            normalise(simd, self.norm, (mean, rstd), x, &mut self.y[range]);
        }
    }
}

#[inline(always)]
fn mean<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (whole, rest) = x.split_at(x.len() / S::LANES * S::LANES);
    let mut sum = simd.splat(0.0);
    for x in whole.chunks_exact(S::LANES) {
        sum = simd.add(sum, simd.load(x));
    }
    (simd.sum(sum) + rest.iter().sum::<f32>()) / x.len() as f32
}

/// The mean of the squared distances from the mean.
#[inline(always)]
fn variance<S: Simd>(simd: S, x: &[f32], mean: f32) -> f32 {
    let (whole, rest) = x.split_at(x.len() / S::LANES * S::LANES);
    let (mut squares, means) = (simd.splat(0.0), simd.splat(mean));
    for x in whole.chunks_exact(S::LANES) {
        let distance = simd.sub(simd.load(x), means);
        squares = simd.mul_add(distance, distance, squares);
    }
    let rest = rest.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>();
    (simd.sum(squares) + rest) / x.len() as f32
}

#[inline(always)]
fn normalise<S: Simd>(simd: S, norm: &Norm, (mean, rstd): (f32, f32), x: &[f32], y: &mut [f32]) {
    let (mean, rstd, offset) = (simd.splat(mean), simd.splat(rstd), simd.splat(norm.offset));
    for i in (0..x.len()).step_by(S::LANES) {
        let x_hat = simd.mul(simd.sub(simd.load_at(x, i), mean), rstd);
        let weight = simd.add(simd.load_at(norm.weight, i), offset);
        let scaled = match norm.bias {
            Some(bias) => simd.mul_add(x_hat, weight, simd.load_at(bias, i)),
            None => simd.mul(x_hat, weight),
        };
        simd.store_at(scaled, y, i);
    }
}
