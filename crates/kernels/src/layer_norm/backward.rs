//! The backward pass of the layer normalisation.

use super::{LayerNorm, LayerNormSaved, n_rows};
use crate::{
    elementwise::add_with,
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

pub(super) fn backward(
    isa: Isa,
    norm: &LayerNorm,
    saved: LayerNormSaved,
    (dy, d_sum): (&[f32], &mut [f32]),
    d_params: Option<(&mut [f32], &mut [f32])>,
) {
    let cols = norm.weight.len();
    assert!(dy.len() == d_sum.len() && dy.len() == saved.sum.len(), "a gradient for each value");
    let n_rows = n_rows(dy, cols);
    assert_eq!(saved.stats.rstd.len(), n_rows, "the statistics of each row");
    let step = rows_per_chunk(cols);
    // The gradients of the parameters: a row of 2 * cols sums for each chunk.
    let n_sums = if d_params.is_some() { 2 * cols } else { 0 };
    let mut sums = vec![0.0; n_rows.div_ceil(step) * n_sums];
    let mut chunk_sums = sums.chunks_exact_mut(n_sums.max(1));
    let mut chunks = Vec::new();
    for d_sum in d_sum.chunks_mut((step * cols).max(1)) {
        let first_row = chunks.len() * step;
        chunks.push(Backward { norm, saved, dy, first_row, d_sum, d_params: chunk_sums.next() });
    }
    for_each(chunks, |chunk| isa.run(chunk));
    if let Some((d_weight, d_bias)) = d_params {
        isa.run(Collect { sums: &sums, d_weight, d_bias });
    }
}

/// Some rows of the backward pass.
struct Backward<'a> {
    norm: &'a LayerNorm<'a>,
    saved: LayerNormSaved<'a>,
    dy: &'a [f32],
    first_row: usize,
    d_sum: &'a mut [f32],
    // The gradients of all weights, then of all biases, summed over these rows.
    d_params: Option<&'a mut [f32]>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let cols = self.norm.weight.len();
        for (row, d_sum) in self.d_sum.chunks_exact_mut(cols).enumerate() {
            let row = self.first_row + row;
            let range = row * cols..(row + 1) * cols;
            let (mean, rstd) = (self.saved.stats.mean[row], self.saved.stats.rstd[row]);
            let row = Row {
                x: &self.saved.sum[range.clone()],
                dy: &self.dy[range],
                weight: self.norm.weight,
                mean: simd.splat(mean),
                rstd: simd.splat(rstd),
            };
            row.d_sum(simd, d_sum);
            if let Some(d_params) = &mut self.d_params {
                let (d_weight, d_bias) = d_params.split_at_mut(cols);
                row.add_d_params(simd, d_weight, d_bias);
            }
        }
    }
}

/// One row of the backward pass.
struct Row<'a, S: Simd> {
    x: &'a [f32],
    dy: &'a [f32],
    weight: &'a [f32],
    mean: S::V,
    rstd: S::V,
}

impl<S: Simd> Row<'_, S> {
    #[inline(always)]
    fn x_hat(&self, simd: S, i: usize) -> S::V {
        simd.mul(simd.sub(simd.load_at(self.x, i), self.mean), self.rstd)
    }

    /// `dy * weight`; zero in the lanes beyond the row.
    #[inline(always)]
    fn weighted(&self, simd: S, i: usize) -> S::V {
        simd.mul(simd.load_at(self.dy, i), simd.load_at(self.weight, i))
    }

    /// `rstd * (weighted - mean(weighted) - x_hat * mean(weighted * x_hat))`
    #[inline(always)]
    fn d_sum(&self, simd: S, d_sum: &mut [f32]) {
        let cols = self.x.len();
        let (mut level, mut slope) = (simd.splat(0.0), simd.splat(0.0));
        for i in (0..cols).step_by(S::LANES) {
            let weighted = self.weighted(simd, i);
            level = simd.add(level, weighted);
            slope = simd.mul_add(weighted, self.x_hat(simd, i), slope);
        }
        let level = simd.splat(-simd.sum(level) / cols as f32);
        let slope = simd.splat(-simd.sum(slope) / cols as f32);
        for i in (0..cols).step_by(S::LANES) {
            let centered = simd.add(self.weighted(simd, i), level);
            let centered = simd.mul_add(self.x_hat(simd, i), slope, centered);
            simd.store_at(simd.mul(centered, self.rstd), d_sum, i);
        }
    }

    #[inline(always)]
    fn add_d_params(&self, simd: S, d_weight: &mut [f32], d_bias: &mut [f32]) {
        for i in (0..d_weight.len()).step_by(S::LANES) {
            let sum = simd.mul_add(simd.load_at(self.dy, i), self.x_hat(simd, i), simd.load_at(d_weight, i));
            simd.store_at(sum, d_weight, i);
        }
        add_with(simd, self.dy, d_bias);
    }
}

/// Adds the sums of the chunks, in their order.
struct Collect<'a> {
    sums: &'a [f32],
    d_weight: &'a mut [f32],
    d_bias: &'a mut [f32],
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.d_weight.len();
        for sums in self.sums.chunks_exact(2 * cols.max(1)) {
            add_with(simd, &sums[..cols], self.d_weight);
            add_with(simd, &sums[cols..], self.d_bias);
        }
    }
}
