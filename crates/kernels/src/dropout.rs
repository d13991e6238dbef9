//! Dropout whose mask is a function of the seed and the element's index.

use crate::reference;

/// Drops each element with a probability and scales the others by `1 / (1 - probability)`.
///
/// Whether element `i` is kept depends on the seed and on `i` alone, so the backward pass needs no mask.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The share of the elements that become zero.
    pub probability: f32,
    /// Chooses the mask.
    pub seed: u64,
}

/// Applies dropout in place. The same call on the gradient is the backward pass.
pub fn dropout(dropout: Dropout, x: &mut [f32]) {
    reference::dropout(dropout, x);
}
