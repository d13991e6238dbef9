//! The AdamW step.

use crate::{
    parallel::{CHUNK, for_each},
    simd::{Isa, Kernel, Simd},
};

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

impl AdamW {
    /// What a step multiplies a parameter by whose gradient and running means are zero.
    pub fn decay(&self) -> f32 {
        Factors::new(self, 1.0).decay
    }
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
    step(Isa::best(), settings, state, grad, grad_scale);
}

fn step(isa: Isa, settings: &AdamW, state: AdamWState, grad: &[f32], grad_scale: f32) {
    let len = grad.len();
    let AdamWState { param, m, v } = state;
    assert!(param.len() == len && m.len() == len && v.len() == len, "one gradient a parameter");
    let factors = Factors::new(settings, grad_scale);
    let states = param.chunks_mut(CHUNK).zip(m.chunks_mut(CHUNK)).zip(v.chunks_mut(CHUNK));
    let chunks = states.zip(grad.chunks(CHUNK)).map(|(((param, m), v), grad)| {
        let state = AdamWState { param, m, v };
        Step { factors, state, grad }
    });
    for_each(chunks.collect(), |chunk| isa.run(chunk));
}

/// What the formula needs of the settings, computed in f64.
#[derive(Clone, Copy)]
struct Factors {
    grad_scale: f32,
    beta1: f32,
    one_less_beta1: f32,
    beta2: f32,
    one_less_beta2: f32,
    decay: f32,
    // `learning_rate / (1 - beta1^step)`
    rate: f32,
    // `1 / sqrt(1 - beta2^step)`
    root_scale: f32,
    eps: f32,
}

impl Factors {
    fn new(settings: &AdamW, grad_scale: f32) -> Self {
        let [rate, beta1, beta2, decay] =
            [settings.learning_rate, settings.beta1, settings.beta2, settings.weight_decay].map(f64::from);
        let step = settings.step as i32;
        Self {
            grad_scale,
            beta1: settings.beta1,
            one_less_beta1: (1.0 - beta1) as f32,
            beta2: settings.beta2,
            one_less_beta2: (1.0 - beta2) as f32,
            decay: (1.0 - rate * decay) as f32,
            rate: (rate / (1.0 - beta1.powi(step))) as f32,
            root_scale: (1.0 / (1.0 - beta2.powi(step)).sqrt()) as f32,
            eps: settings.eps,
        }
    }
}

struct Step<'a> {
    factors: Factors,
    state: AdamWState<'a>,
    grad: &'a [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { factors, state, grad } = self;
        for i in (0..grad.len()).step_by(S::LANES) {
            let grad = simd.mul(simd.load_at(grad, i), simd.splat(factors.grad_scale));
            let m = simd.mul(simd.load_at(state.m, i), simd.splat(factors.beta1));
            let m = simd.mul_add(grad, simd.splat(factors.one_less_beta1), m);
            let v = simd.mul(simd.load_at(state.v, i), simd.splat(factors.beta2));
            let v = simd.mul_add(simd.mul(grad, grad), simd.splat(factors.one_less_beta2), v);
            let root = simd.mul_add(simd.sqrt(v), simd.splat(factors.root_scale), simd.splat(factors.eps));
            let step = simd.div(simd.mul(m, simd.splat(factors.rate)), root);
            let param = simd.mul(simd.load_at(state.param, i), simd.splat(factors.decay));
            simd.store_at(simd.sub(param, step), state.param, i);
            simd.store_at(m, state.m, i);
            simd.store_at(v, state.v, i);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        reference,
        testing::{assert_close, length, values},
    };

    proptest! {
        #[test]
        fn a_step_matches_reference(len in length(), count in 1u32..2000, grad_scale in 0.01f32..2.0) {
            let settings = AdamW {
                learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, step: count,
            };
            let (param, grad, m) = (values(1, len), values(2, len), values(3, len));
            let v: Vec<f32> = m.iter().map(|m| m * m).collect();
            let run = |step: &dyn Fn(AdamWState)| {
                let mut state = [param.clone(), m.clone(), v.clone()];
                let [param, m, v] = &mut state;
                step(AdamWState { param, m, v });
                state
            };
            let expected = run(&|state| reference::adamw(&settings, state, &grad, grad_scale));
            for isa in Isa::available() {
                let found = run(&|state| step(isa, &settings, state, &grad, grad_scale));
                for (found, expected) in found.iter().zip(&expected) {
                    // A few roundings of values below 2, and of steps of at most `rate * 10`.
                    assert_close(isa.name(), found, expected, 1e-6);
                }
            }
        }
    }
}
