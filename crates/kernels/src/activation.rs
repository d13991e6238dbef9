//! Activation functions and their derivatives.

use crate::{
    math::{exp, neg, normal, sigmoid, tanh},
    parallel::chunks,
    simd::{Isa, Kernel, Simd},
};
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
    forward(Isa::best(), activation, x);
}

/// `dy *= activation'(pre)`: turns the gradient of the output into that of the input.
///
/// # Panics
/// If the lengths differ.
pub fn activate_backward(activation: Activation, pre: &[f32], dy: &mut [f32]) {
    backward(Isa::best(), activation, pre, dy);
}

fn forward(isa: Isa, activation: Activation, x: &mut [f32]) {
    if activation != Activation::Identity {
        chunks(x, |_, x| isa.run(Forward { activation, x }));
    }
}

fn backward(isa: Isa, activation: Activation, pre: &[f32], dy: &mut [f32]) {
    assert_eq!(pre.len(), dy.len(), "a gradient for each value");
    if activation != Activation::Identity {
        chunks(dy, |range, dy| isa.run(Backward { activation, pre: &pre[range], dy }));
    }
}

struct Forward<'a> {
    activation: Activation,
    x: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        activate_with(simd, self.activation, self.x);
    }
}

/// Replaces each value by its activation. The last values pass through a vector too, so that a value's bits do
/// not depend on its place.
#[inline(always)]
pub(crate) fn activate_with<S: Simd>(simd: S, activation: Activation, x: &mut [f32]) {
    let mut vectors = x.chunks_exact_mut(S::LANES);
    for x in &mut vectors {
        simd.store(value(simd, activation, simd.load(x)), x);
    }
    let rest = vectors.into_remainder();
    simd.store_part(value(simd, activation, simd.load_part(rest)), rest);
}

struct Backward<'a> {
    activation: Activation,
    pre: &'a [f32],
    dy: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut vectors = self.dy.chunks_exact_mut(S::LANES);
        let pre = self.pre.chunks_exact(S::LANES);
        let pre_rest = pre.remainder();
        for (dy, pre) in (&mut vectors).zip(pre) {
            let slope = slope(simd, self.activation, simd.load(pre));
            simd.store(simd.mul(simd.load(dy), slope), dy);
        }
        let dy_rest = vectors.into_remainder();
        let slope = slope(simd, self.activation, simd.load_part(pre_rest));
        simd.store_part(simd.mul(simd.load_part(dy_rest), slope), dy_rest);
    }
}

#[inline(always)]
fn value<S: Simd>(simd: S, activation: Activation, x: S::V) -> S::V {
    match activation {
        Activation::Identity => x,
        Activation::Gelu => simd.mul(x, normal(simd, x).0),
        // 1 + tanh(u) = 2 * sigmoid(2u)
        Activation::GeluTanh => simd.mul(x, sigmoid(simd, gelu_inner(simd, x))),
        Activation::Relu => simd.max(simd.splat(0.0), x),
        Activation::Silu => {
            let one = simd.splat(1.0);
            simd.div(x, simd.add(one, exp(simd, neg(simd, x))))
        }
        Activation::Tanh => tanh(simd, x),
        Activation::Sigmoid => sigmoid(simd, x),
    }
}

#[inline(always)]
fn slope<S: Simd>(simd: S, activation: Activation, x: S::V) -> S::V {
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    match activation {
        Activation::Identity => one,
        Activation::Gelu => {
            let (cdf, density) = normal(simd, x);
            simd.mul_add(x, density, cdf)
        }
        Activation::GeluTanh => {
            let square = simd.mul(x, x);
            let d_inner = simd.mul_add(square, simd.splat(3.0 * GELU_CUBE), simd.splat(GELU_LINE));
            x_times_sigmoid_slope(simd, x, gelu_inner(simd, x), d_inner)
        }
        Activation::Relu => simd.select_less(zero, x, one, zero),
        Activation::Silu => x_times_sigmoid_slope(simd, x, x, one),
        Activation::Tanh => {
            let y = tanh(simd, x);
            simd.mul(simd.sub(one, y), simd.add(one, y))
        }
        Activation::Sigmoid => {
            let y = sigmoid(simd, x);
            simd.mul(y, simd.sub(one, y))
        }
    }
}

/// `2 * sqrt(2 / π)`
const GELU_LINE: f32 = 1.595_769;
const GELU_CUBE: f32 = GELU_LINE * 0.044_715;

/// `2 * sqrt(2 / π) * (x + 0.044715 x^3)`
#[inline(always)]
fn gelu_inner<S: Simd>(simd: S, x: S::V) -> S::V {
    let square = simd.mul(x, x);
    simd.mul(x, simd.mul_add(square, simd.splat(GELU_CUBE), simd.splat(GELU_LINE)))
}

/// The derivative of `x * sigmoid(u(x))`.
#[inline(always)]
fn x_times_sigmoid_slope<S: Simd>(simd: S, x: S::V, u: S::V, d_u: S::V) -> S::V {
    let y = sigmoid(simd, u);
    let curve = simd.mul(y, simd.sub(simd.splat(1.0), y));
    simd.mul_add(simd.mul(x, curve), d_u, y)
}
