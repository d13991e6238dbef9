//! Layer normalisation: `torch.nn.functional.layer_norm` of a sum.

use super::{Norm, RowStats, Saved, backward::backward, forward};
use crate::{Dropout, simd::Isa};

/// The parameters of a layer normalisation.
pub struct LayerNorm<'a> {
    /// The factor of each column.
    pub weight: &'a [f32],
    /// The offset of each column.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

impl LayerNorm<'_> {
    pub(super) fn norm(&self) -> Norm<'_> {
        assert_eq!(self.bias.len(), self.weight.len(), "an offset for each column");
        Norm { weight: self.weight, offset: 0.0, bias: Some(self.bias), eps: self.eps }
    }
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Copy)]
pub struct LayerNormSaved<'a> {
    /// The rows that were normalised.
    pub sum: &'a [f32],
    /// Their statistics.
    pub stats: &'a RowStats,
}

impl LayerNormSaved<'_> {
    pub(super) fn rows(&self) -> Saved<'_> {
        Saved { sum: self.sum, mean: &self.stats.mean, rstd: &self.stats.rstd }
    }
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
    forward(Isa::best(), &norm.norm(), (x, y), residual, dropout)
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
    backward(Isa::best(), &norm.norm(), saved.rows(), (dy, d_sum), d_params);
}
