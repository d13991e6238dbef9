//! The backward pass of the normalisations.

use super::{Norm, Saved, n_rows};
use crate::{
    elementwise::add_with,
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// The gradients of weight and bias are added to `d_params`; without biases, that of the bias is empty.
pub(super) fn backward(
    isa: Isa,
    norm: &Norm,
    saved: Saved,
    (dy, d_sum): (&[f32], &mut [f32]),
    d_params: Option<(&mut [f32], &mut [f32])>,
) {
    let cols = norm.weight.len();
    assert!(dy.len() == d_sum.len() && dy.len() == saved.sum.len(), "a gradient for each value");
    let n_rows = n_rows(dy, cols);
    assert_eq!(saved.rstd.len(), n_rows, "the statistics of each row");
    let step = rows_per_chunk(cols);
    // The gradients of the parameters: a row of sums for each chunk.
    let n_sums = match &d_params {
        Some((d_weight, d_bias)) => {
            assert_eq!(d_weight.len(), cols, "a gradient for each weight");
            assert_eq!(d_bias.len(), norm.bias.map_or(0, <[f32]>::len), "a gradient for each bias");
            d_weight.len() + d_bias.len()
        }
        None => 0,
    };
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
    norm: &'a Norm<'a>,
    saved: Saved<'a>,
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
            let mean = if self.norm.is_centered() { self.saved.mean[row] } else { 0.0 };
            let row = Row {
                x: &self.saved.sum[range.clone()],
                dy: &self.dy[range],
                norm: self.norm,
                offset: simd.splat(self.norm.offset),
                mean: simd.splat(mean),
                rstd: simd.splat(self.saved.rstd[row]),
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
    norm: &'a Norm<'a>,
    offset: S::V,
    mean: S::V,
    rstd: S::V,
}

impl<S: Simd> Row<'_, S> {
    #[inline(always)]
    fn x_hat(&self, simd: S, i: usize) -> S::V {
        simd.mul(simd.sub(simd.load_at(self.x, i), self.mean), self.rstd)
    }

    /// `dy * (weight + offset)`; zero in the lanes beyond the row.
    #[inline(always)]
    fn weighted(&self, simd: S, i: usize) -> S::V {
        simd.mul(simd.load_at(self.dy, i), simd.add(simd.load_at(self.norm.weight, i), self.offset))
    }

    /// `rstd * (weighted - mean(weighted) - x_hat * mean(weighted * x_hat))`, without `mean(weighted)` where no
    /// mean was taken away.
    #[inline(always)]
    fn d_sum(&self, simd: S, d_sum: &mut [f32]) {
        let cols = self.x.len();
        let (mut level, mut slope) = (simd.splat(0.0), simd.splat(0.0));
        for i in (0..cols).step_by(S::LANES) {
            let weighted = self.weighted(simd, i);
            level = simd.add(level, weighted);
            slope = simd.mul_add(weighted, self.x_hat(simd, i), slope);
        }
        let level = if self.norm.is_centered() { -simd.sum(level) / cols as f32 } else { 0.0 };
        let level = simd.splat(level);
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
        for sums in self.sums.chunks_exact((cols + self.d_bias.len()).max(1)) {
            add_with(simd, &sums[..cols], self.d_weight);
            add_with(simd, &sums[cols..], self.d_bias);
        }
    }
}
