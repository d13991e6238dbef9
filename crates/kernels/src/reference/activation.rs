//! Activation functions in f64.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::Activation;

/// Replaces each value by its activation.
pub fn activate(activation: Activation, x: &mut [f32]) {
    for x in x {
        *x = value(activation, f64::from(*x)) as f32;
    }
}

/// `dy *= activation'(pre)`.
pub fn activate_backward(activation: Activation, pre: &[f32], dy: &mut [f32]) {
    for (dy, pre) in dy.iter_mut().zip(pre) {
        *dy = (f64::from(*dy) * slope(activation, f64::from(*pre))) as f32;
    }
}

pub(super) fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Gelu => x * normal_cdf(x),
        Activation::GeluTanh => 0.5 * x * (1.0 + gelu_inner(x).tanh()),
        Activation::Relu => x.max(0.0),
        Activation::Silu => x * sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
    }
}

pub(super) fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Gelu => normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
        Activation::GeluTanh => {
            let tanh = gelu_inner(x).tanh();
            let d_inner = (2.0 / PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
            0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * d_inner
        }
        Activation::Relu => f64::from(u8::from(x > 0.0)),
        Activation::Silu => sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))),
        Activation::Tanh => 1.0 - x.tanh() * x.tanh(),
        Activation::Sigmoid => sigmoid(x) * (1.0 - sigmoid(x)),
    }
}

fn gelu_inner(x: f64) -> f64 {
    (2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// The complementary error function: its Maclaurin series near zero, its continued fraction elsewhere.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 1.0 - 2.0 / PI.sqrt() * sum;
    }
    let tail = (1..80).rev().fold(x, |tail, n| x + f64::from(n) / 2.0 / tail);
    (-x * x).exp() / (PI.sqrt() * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erfc_has_its_known_values() {
        // Abramowitz and Stegun, table 7.1.
        for (x, erf) in [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
            assert!((1.0 - erfc(x) - erf).abs() < 1e-10, "erf({x})");
            assert!((erfc(-x) - 1.0 - erf).abs() < 1e-10, "erf(-{x})");
        }
        assert!((erfc(3.0) - 2.209_049_7e-5).abs() < 1e-11);
    }
}
