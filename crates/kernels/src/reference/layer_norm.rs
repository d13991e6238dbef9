//! Layer normalisation in f64.

use crate::{Dropout, LayerNorm, LayerNormSaved, RowStats};

/// `sum = dropout(x) + residual`, `y = layer_norm(sum)`; the sum replaces `x`.
pub fn add_layer_norm(
    norm: &LayerNorm,
    x: &mut [f32],
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
    y: &mut [f32],
) -> RowStats {
    drop_and_add(x, residual, dropout);
    let cols = norm.weight.len();
    let mut stats = RowStats::default();
    for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(cols)) {
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / cols as f64;
        let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / cols as f64;
        let rstd = 1.0 / (variance + f64::from(norm.eps)).sqrt();
        for (c, y) in y.iter_mut().enumerate() {
            let normalised = (f64::from(x[c]) - mean) * rstd;
            *y = (normalised * f64::from(norm.weight[c]) + f64::from(norm.bias[c])) as f32;
        }
        stats.mean.push(mean as f32);
        stats.rstd.push(rstd as f32);
    }
    stats
}

/// `x = dropout(x) + residual`
pub(super) fn drop_and_add(x: &mut [f32], residual: Option<&[f32]>, dropout: Option<Dropout>) {
    if let Some(dropout) = dropout {
        super::dropout(dropout, x);
    }
    if let Some(residual) = residual {
        super::add(residual, x);
    }
}

/// The gradient of the sum replaces `d_sum`; those of weight and bias are added to `d_params`.
pub fn layer_norm_backward(
    norm: &LayerNorm,
    saved: LayerNormSaved,
    dy: &[f32],
    d_sum: &mut [f32],
    d_params: Option<(&mut [f32], &mut [f32])>,
) {
    let cols = norm.weight.len();
    let normalised: Vec<f64> = (saved.sum.iter().enumerate())
        .map(|(i, x)| {
            let (mean, rstd) = (saved.stats.mean[i / cols], saved.stats.rstd[i / cols]);
            (f64::from(*x) - f64::from(mean)) * f64::from(rstd)
        })
        .collect();
    for (row, d_sum) in d_sum.chunks_exact_mut(cols).enumerate() {
        let normalised = &normalised[row * cols..][..cols];
        let weighted = |c: usize| f64::from(dy[row * cols + c]) * f64::from(norm.weight[c]);
        let mean = (0..cols).map(weighted).sum::<f64>() / cols as f64;
        let slope = (0..cols).map(|c| weighted(c) * normalised[c]).sum::<f64>() / cols as f64;
        let rstd = f64::from(saved.stats.rstd[row]);
        for (c, d) in d_sum.iter_mut().enumerate() {
            *d = (rstd * (weighted(c) - mean - normalised[c] * slope)) as f32;
        }
    }
    let Some((d_weight, d_bias)) = d_params else { return };
    for c in 0..cols {
        let column = || (c..dy.len()).step_by(cols);
        d_weight[c] += column().map(|i| f64::from(dy[i]) * normalised[i]).sum::<f64>() as f32;
        d_bias[c] += column().map(|i| f64::from(dy[i])).sum::<f64>() as f32;
    }
}
