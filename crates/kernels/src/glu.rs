//! Gated linear units: one half of each row, activated, times the other half.

use crate::{
    Activation,
    activation::{slope, value},
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// Which half of a row is the gate, the one that is activated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// `y = activation(x[..size]) * x[size..]`, as in ModernBERT.
    First,
    /// `y = x[..size] * activation(x[size..])`, as `torch.nn.functional.glu` with its sigmoid.
    Second,
}

/// A gated linear unit (Shazeer, 2020: "GLU variants improve transformer").
#[derive(Clone, Copy, Debug)]
pub struct Glu {
    /// The function of the gate: SiLU makes a SwiGLU, GELU a GEGLU.
    pub activation: Activation,
    /// Which half is the gate.
    pub gate: Gate,
    /// The columns of a half.
    pub size: usize,
}

impl Gate {
    /// The gate and the other half.
    #[inline(always)]
    fn gate_and_up<T>(self, (left, right): (T, T)) -> (T, T) {
        match self {
            Gate::First => (left, right),
            Gate::Second => (right, left),
        }
    }
}

/// `y = activation(gate) * up` for rows `x` that hold both: `[tokens × 2 * size]` to `[tokens × size]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn glu(glu: &Glu, x: &[f32], y: &mut [f32]) {
    forward(Isa::best(), glu, x, y);
}

/// The gradient of `x`, `[tokens × 2 * size]`, from that of `y` and the `x` of the forward pass; it replaces `d_x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn glu_backward(glu: &Glu, x: &[f32], dy: &[f32], d_x: &mut [f32]) {
    backward(Isa::best(), glu, x, (dy, d_x));
}

fn forward(isa: Isa, glu: &Glu, x: &[f32], y: &mut [f32]) {
    check(glu, x, y);
    let step = chunk_len(glu);
    let chunks = x.chunks(2 * step).zip(y.chunks_mut(step));
    for_each(chunks.map(|(x, y)| Forward { glu, x, y }).collect(), |rows| isa.run(rows));
}

fn backward(isa: Isa, glu: &Glu, x: &[f32], (dy, d_x): (&[f32], &mut [f32])) {
    check(glu, x, dy);
    assert_eq!(x.len(), d_x.len(), "a gradient for each value");
    let step = chunk_len(glu);
    let chunks = x.chunks(2 * step).zip(dy.chunks(step)).zip(d_x.chunks_mut(2 * step));
    for_each(chunks.map(|((x, dy), d_x)| Backward { glu, x, dy, d_x }).collect(), |rows| isa.run(rows));
}

fn check(glu: &Glu, x: &[f32], y: &[f32]) {
    assert_eq!(x.len(), 2 * y.len(), "two values for each output");
    assert!(y.is_empty() || y.len().is_multiple_of(glu.size), "rows of {} outputs", glu.size);
}

/// Outputs of a chunk.
fn chunk_len(glu: &Glu) -> usize {
    (rows_per_chunk(2 * glu.size) * glu.size).max(1)
}

/// Some rows of the forward pass.
struct Forward<'a> {
    glu: &'a Glu,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Glu { activation, gate, size } = *self.glu;
        for (x, y) in self.x.chunks_exact(2 * size).zip(self.y.chunks_exact_mut(size)) {
            let (gate, up) = gate.gate_and_up(x.split_at(size));
            for i in (0..size).step_by(S::LANES) {
                let activated = value(simd, activation, simd.load_at(gate, i));
                simd.store_at(simd.mul(activated, simd.load_at(up, i)), y, i);
            }
        }
    }
}

/// Some rows of the backward pass.
struct Backward<'a> {
    glu: &'a Glu,
    x: &'a [f32],
    dy: &'a [f32],
    d_x: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Glu { activation, gate, size } = *self.glu;
        let rows = self.x.chunks_exact(2 * size).zip(self.dy.chunks_exact(size));
        for ((x, dy), d_x) in rows.zip(self.d_x.chunks_exact_mut(2 * size)) {
            let (x_gate, up) = gate.gate_and_up(x.split_at(size));
            let (d_gate, d_up) = gate.gate_and_up(d_x.split_at_mut(size));
            for i in (0..size).step_by(S::LANES) {
                let (x, dy) = (simd.load_at(x_gate, i), simd.load_at(dy, i));
                let d_activated = simd.mul(dy, simd.load_at(up, i));
                simd.store_at(simd.mul(d_activated, slope(simd, activation, x)), d_gate, i);
                simd.store_at(simd.mul(dy, value(simd, activation, x)), d_up, i);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        activation::ALL,
        reference,
        testing::{assert_close, bits, length, values, with_threads},
    };

    /// Values in -6..6.
    fn wide(seed: u64, len: usize) -> Vec<f32> {
        values(seed, len).iter().map(|x| 6.0 * x).collect()
    }

    fn check_all(n_tokens: usize, size: usize) {
        let (x, dy) = (wide(1, n_tokens * 2 * size), values(2, n_tokens * size));
        let gates = [Gate::First, Gate::Second];
        for glu in ALL.into_iter().flat_map(|activation| gates.map(|gate| Glu { activation, gate, size })) {
            let [mut y, mut found_y] = [(); 2].map(|()| vec![f32::NAN; dy.len()]);
            let [mut d_x, mut found_d_x] = [(); 2].map(|()| vec![f32::NAN; x.len()]);
            reference::glu(&glu, &x, &mut y);
            reference::glu_backward(&glu, &x, &dy, &mut d_x);
            for isa in Isa::available() {
                let name = format!("{isa:?} {glu:?}");
                forward(isa, &glu, &x, &mut found_y);
                backward(isa, &glu, &x, (&dy, &mut found_d_x));
                // The activations' tolerances, times factors of at most 6.
                assert_close(&name, &found_y, &y, 6e-6);
                assert_close(&name, &found_d_x, &d_x, 12e-6);
            }
        }
    }

    proptest! {
        #[test]
        fn glu_matches_reference(n_tokens in 0usize..5, size in length()) {
            check_all(n_tokens, size);
        }
    }

    #[test]
    fn the_gate_is_the_half_that_is_asked_for() {
        let x = [-1.0, 2.0, 10.0, 20.0];
        let y = |gate| {
            let mut y = [0.0; 2];
            glu(&Glu { activation: Activation::Relu, gate, size: 2 }, &x, &mut y);
            y
        };
        assert_eq!(y(Gate::First), [0.0, 40.0]);
        assert_eq!(y(Gate::Second), [-10.0, 40.0]);
    }

    #[test]
    fn the_twin_gradient_is_that_of_finite_differences() {
        const STEP: f32 = 1e-2;
        let (x, dy) = (wide(1, 12), values(2, 6));
        for gate in [Gate::First, Gate::Second] {
            let glu = Glu { activation: Activation::Silu, gate, size: 3 };
            let loss = |i: usize, by: f32| {
                let (mut x, mut y) = (x.clone(), [0.0; 6]);
                x[i] += by;
                reference::glu(&glu, &x, &mut y);
                y.iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f32>()
            };
            let slopes: Vec<f32> = (0..12).map(|i| (loss(i, STEP) - loss(i, -STEP)) / (2.0 * STEP)).collect();
            let mut d_x = [f32::NAN; 12];
            reference::glu_backward(&glu, &x, &dy, &mut d_x);
            // Roundings of sums below 50 over steps of 1e-2.
            assert_close(&format!("{gate:?}"), &slopes, &d_x, 2e-3);
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let run = |n| {
            with_threads(n, || {
                let glu = Glu { activation: Activation::Gelu, gate: Gate::First, size: 300 };
                let x = values(1, 2 * 90_000);
                let (mut y, mut d_x) = (vec![0.0; 90_000], vec![0.0; x.len()]);
                super::glu(&glu, &x, &mut y);
                glu_backward(&glu, &x, &y, &mut d_x);
                (bits(&y), bits(&d_x))
            })
        };
        assert_eq!(run(1), run(2));
    }
}
