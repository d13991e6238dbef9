//! Activation functions and their derivatives.

use crate::reference;

/// A function of one value, applied after a linear layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    /// `x`
    Identity,
    /// `x * Φ(x)` with the normal distribution's Φ: `torch.nn.functional.gelu(x)`
    Gelu,
    /// `gelu(x, approximate="tanh")`
    GeluTanh,
    /// `max(x, 0)`
    Relu,
    /// `x * sigmoid(x)`
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
}

/// Replaces each value by its activation.
pub fn activate(activation: Activation, x: &mut [f32]) {
    reference::activate(activation, x);
}

/// `dy *= activation'(pre)`: turns the gradient of the output into that of the input.
///
/// # Panics
/// If the lengths differ.
pub fn activate_backward(activation: Activation, pre: &[f32], dy: &mut [f32]) {
    assert_eq!(pre.len(), dy.len(), "a gradient for each value");
    reference::activate_backward(activation, pre, dy);
}
