//! RMS normalisation in f64.

use super::layer_norm::drop_and_add;
use crate::{Dropout, RmsNorm, RmsNormSaved};

/// `sum = dropout(x) + residual`, `y = rms_norm(sum)`; the sum replaces `x`.
pub fn add_rms_norm(
    norm: &RmsNorm,
    x: &mut [f32],
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
    y: &mut [f32],
) -> Vec<f32> {
    drop_and_add(x, residual, dropout);
    let cols = norm.weight.len();
    let mut all_rstd = Vec::new();
    for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(cols)) {
        let mean_square = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / cols as f64;
        let rstd = 1.0 / (mean_square + f64::from(norm.eps)).sqrt();
        for ((x, y), weight) in x.iter().zip(y).zip(norm.weight) {
            *y = (f64::from(*x) * rstd * (f64::from(*weight) + f64::from(norm.offset))) as f32;
        }
        all_rstd.push(rstd as f32);
    }
    all_rstd
}

/// The gradient of the sum replaces `d_sum`; that of the weight is added to `d_weight`.
pub fn rms_norm_backward(
    norm: &RmsNorm,
    saved: RmsNormSaved,
    dy: &[f32],
    d_sum: &mut [f32],
    mut d_weight: Option<&mut [f32]>,
) {
    let cols = norm.weight.len();
    for (row, rstd) in saved.rstd.iter().map(|rstd| f64::from(*rstd)).enumerate() {
        let columns = row * cols..(row + 1) * cols;
        let (x, dy) = (&saved.sum[columns.clone()], &dy[columns.clone()]);
        let normalised = |c: usize| f64::from(x[c]) * rstd;
        let weighted = |c: usize| f64::from(dy[c]) * (f64::from(norm.weight[c]) + f64::from(norm.offset));
        let slope = (0..cols).map(|c| weighted(c) * normalised(c)).sum::<f64>() / cols as f64;
        for (c, d) in d_sum[columns].iter_mut().enumerate() {
            *d = (rstd * (weighted(c) - normalised(c) * slope)) as f32;
        }
        for (c, d) in d_weight.iter_mut().flat_map(|d_weight| d_weight.iter_mut()).enumerate() {
            *d += (f64::from(dy[c]) * normalised(c)) as f32;
        }
    }
}
