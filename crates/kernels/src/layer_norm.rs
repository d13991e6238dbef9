//! Layer normalisation with the residual sum and the dropout that precede it.

use crate::{Dropout, reference};

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
    reference::add_layer_norm(norm, x, residual, dropout, y)
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
    reference::layer_norm_backward(norm, saved, dy, d_sum, d_params);
}
