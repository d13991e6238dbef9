//! The AdamW step.

use crate::reference;

/// The settings of one step of `torch.optim.AdamW` (Loshchilov and Hutter, 2019).
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// The step size.
    pub learning_rate: f32,
    /// How much of the mean gradient is kept.
    pub beta1: f32,
    /// How much of the mean squared gradient is kept.
    pub beta2: f32,
    /// Added to the root of the mean squared gradient.
    pub eps: f32,
    /// The share of `learning_rate * parameter` that is taken off.
    pub weight_decay: f32,
    /// Counts from 1.
    pub step: u32,
}

/// One parameter tensor and its two running means.
pub struct AdamWState<'a> {
    /// The parameters.
    pub param: &'a mut [f32],
    /// The running mean of the gradient.
    pub m: &'a mut [f32],
    /// The running mean of the squared gradient.
    pub v: &'a mut [f32],
}

/// Moves one parameter tensor along `grad * grad_scale`.
///
/// # Panics
/// If the lengths differ.
pub fn adamw(settings: &AdamW, state: AdamWState, grad: &[f32], grad_scale: f32) {
    reference::adamw(settings, state, grad, grad_scale);
}
