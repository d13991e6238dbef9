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
    for i in (0..x.len()).step_by(S::LANES) {
        let y = value(simd, activation, simd.load_at(x, i));
        simd.store_at(y, x, i);
    }
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
        for i in (0..self.dy.len()).step_by(S::LANES) {
            let slope = slope(simd, self.activation, simd.load_at(self.pre, i));
            simd.store_at(simd.mul(simd.load_at(self.dy, i), slope), self.dy, i);
        }
    }
}

/// The activation of each value.
#[inline(always)]
pub(crate) fn value<S: Simd>(simd: S, activation: Activation, x: S::V) -> S::V {
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

/// The derivative at each value.
#[inline(always)]
pub(crate) fn slope<S: Simd>(simd: S, activation: Activation, x: S::V) -> S::V {
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
        Activation::Sigmoid => sigmoid_and_slope(simd, x).1,
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
    let (y, slope) = sigmoid_and_slope(simd, u);
    simd.mul_add(simd.mul(x, slope), d_u, y)
}

/// `1 - sigmoid(x)` is taken from the exponential: a difference would lose its digits.
#[inline(always)]
fn sigmoid_and_slope<S: Simd>(simd: S, x: S::V) -> (S::V, S::V) {
    let one = simd.splat(1.0);
    let exp = exp(simd, neg(simd, x));
    let y = simd.div(one, simd.add(one, exp));
    (y, simd.mul(y, simd.mul(y, exp)))
}

#[cfg(test)]
pub(crate) const ALL: [Activation; 7] = [
    Activation::Identity,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Relu,
    Activation::Silu,
    Activation::Tanh,
    Activation::Sigmoid,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        reference,
        testing::{assert_close, bits},
    };

    fn check(x: &[f32]) {
        for (isa, activation) in Isa::available().into_iter().flat_map(|isa| ALL.map(|all| (isa, all))) {
            let name = format!("{isa:?} {activation:?}");
            let (mut found, mut expected) = (x.to_vec(), x.to_vec());
            forward(isa, activation, &mut found);
            reference::activate(activation, &mut expected);
            // exp has a relative error of 2e-7, the normal distribution an absolute error of 2e-7.
            assert_close(&name, &found, &expected, 1e-6);
            let (mut found, mut expected) = (vec![1.0; x.len()], vec![1.0; x.len()]);
            backward(isa, activation, x, &mut found);
            reference::activate_backward(activation, x, &mut expected);
            assert_close(&name, &found, &expected, 2e-6); // x * 2e-7, as long as the density matters
        }
    }

    proptest! {
        #[test]
        fn activations_match_reference(x in prop::collection::vec(-12f32..12.0, 0..70)) {
            check(&x);
        }
    }

    #[test]
    fn extreme_values_match_reference() {
        check(&[0.0, -0.0, 1e-30, -1e-30, 90.0, -90.0, 1e4, -1e4, 0.625, -0.625, 5.0, -5.0]);
    }

    #[test]
    fn the_whole_range_matches_reference() {
        let x: Vec<f32> = (-8000..8000).map(|i| i as f32 * 1e-3).collect();
        check(&x);
    }

    #[test]
    fn a_value_does_not_depend_on_its_place() {
        let x: Vec<f32> = (0..37).map(|i| i as f32 * 0.2 - 3.0).collect();
        for isa in Isa::available() {
            let mut whole = x.clone();
            forward(isa, Activation::Gelu, &mut whole);
            for (i, x) in x.iter().enumerate() {
                let mut alone = [*x];
                forward(isa, Activation::Gelu, &mut alone);
                assert_eq!(bits(&alone), bits(&whole[i..=i]), "{isa:?}");
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for (isa, activation) in Isa::available().into_iter().flat_map(|isa| ALL.map(|all| (isa, all))) {
            let mut x = [f32::NAN];
            forward(isa, activation, &mut x);
            assert!(x[0].is_nan(), "{isa:?} {activation:?}");
        }
    }
}
