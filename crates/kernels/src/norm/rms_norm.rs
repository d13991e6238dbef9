//! Normalisation by the root of the mean square, without a mean and a bias: `torch.nn.functional.rms_norm` of a sum.

use super::{Norm, Saved, backward::backward, forward};
use crate::{Dropout, simd::Isa};

/// The parameters of an RMS normalisation (Zhang and Sennrich, 2019):
/// `y = x / sqrt(mean(x^2) + eps) * (weight + offset)`.
pub struct RmsNorm<'a> {
    /// The factor of each column.
    pub weight: &'a [f32],
    /// Added to each weight: 0 in Llama, T5 and Qwen, 1 in Gemma.
    pub offset: f32,
    /// Added to the mean square.
    pub eps: f32,
}

impl RmsNorm<'_> {
    pub(super) fn norm(&self) -> Norm<'_> {
        Norm { weight: self.weight, offset: self.offset, bias: None, eps: self.eps }
    }
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Copy)]
pub struct RmsNormSaved<'a> {
    /// The rows that were normalised.
    pub sum: &'a [f32],
    /// `1 / sqrt(mean(sum^2) + eps)` of each row.
    pub rstd: &'a [f32],
}

impl RmsNormSaved<'_> {
    pub(super) fn rows(&self) -> Saved<'_> {
        Saved { sum: self.sum, mean: &[], rstd: self.rstd }
    }
}

/// `sum = dropout(x) + residual`, `y = rms_norm(sum)`; the sum replaces `x`. Returns
/// `1 / sqrt(mean(sum^2) + eps)` of each row.
///
/// # Panics
/// If the lengths do not fit.
pub fn add_rms_norm(
    norm: &RmsNorm,
    x: &mut [f32],
    residual: Option<&[f32]>,
    dropout: Option<Dropout>,
    y: &mut [f32],
) -> Vec<f32> {
    forward(Isa::best(), &norm.norm(), (x, y), residual, dropout).rstd
}

/// The gradient of the sum replaces `d_sum`; that of the weight is added to `d_weight` where given.
///
/// # Panics
/// If the lengths do not fit.
pub fn rms_norm_backward(
    norm: &RmsNorm,
    saved: RmsNormSaved,
    dy: &[f32],
    d_sum: &mut [f32],
    d_weight: Option<&mut [f32]>,
) {
    let d_params = d_weight.map(|d_weight| (d_weight, &mut [][..]));
    backward(Isa::best(), &norm.norm(), saved.rows(), (dy, d_sum), d_params);
}
