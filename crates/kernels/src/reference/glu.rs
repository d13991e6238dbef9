//! Gated linear units in f64.

use super::activation::{slope, value};
use crate::{Gate, Glu};

/// `y = activation(gate) * up`.
pub fn glu(glu: &Glu, x: &[f32], y: &mut [f32]) {
    for (i, y) in y.iter_mut().enumerate() {
        let (gate, up) = places(glu, i);
        *y = (value(glu.activation, f64::from(x[gate])) * f64::from(x[up])) as f32;
    }
}

/// The gradient of `x` replaces `d_x`.
pub fn glu_backward(glu: &Glu, x: &[f32], dy: &[f32], d_x: &mut [f32]) {
    for (i, dy) in dy.iter().enumerate() {
        let (gate, up) = places(glu, i);
        let dy = f64::from(*dy);
        d_x[gate] = (dy * f64::from(x[up]) * slope(glu.activation, f64::from(x[gate]))) as f32;
        d_x[up] = (dy * value(glu.activation, f64::from(x[gate]))) as f32;
    }
}

/// The places of the gate and of its factor.
fn places(glu: &Glu, i: usize) -> (usize, usize) {
    let left = i / glu.size * 2 * glu.size + i % glu.size;
    match glu.gate {
        Gate::First => (left, left + glu.size),
        Gate::Second => (left + glu.size, left),
    }
}
