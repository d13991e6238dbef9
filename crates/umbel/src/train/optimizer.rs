//! AdamW (Loshchilov and Hutter 2017), as `torch.optim.AdamW`.

use kernels::{AdamW as Kernel, AdamWState};

use crate::nn::{Grads, ParamId, Params};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPS: f32 = 1e-8;

/// AdamW with weight decay on matrices only: biases and norms, which are vectors, are not decayed.
#[derive(Debug)]
pub struct AdamW {
    weight_decay: f32,
    // One a weight; `None` until it has had a gradient.
    moments: Vec<Option<Moments>>,
}

/// The running means of one weight's gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Of the gradients.
    pub m: Vec<f32>,
    /// Of their squares.
    pub v: Vec<f32>,
    /// How many gradients they have seen.
    pub step: u32,
}

impl AdamW {
    /// An optimizer that has seen no gradient.
    pub fn new(params: &Params, weight_decay: f64) -> Self {
        Self { weight_decay: weight_decay as f32, moments: params.iter().map(|_| None).collect() }
    }

    /// One step along the gradients times `scale`.
    ///
    /// A weight without a gradient is left alone, its decay included.
    pub fn step(&mut self, params: &mut Params, grads: &Grads, learning_rate: f64, scale: f32) {
        for (id, param) in params.iter_mut() {
            let Some(gradient) = grads.param(id) else { continue };
            let moments = self.moments[id.index()].get_or_insert_with(|| {
                let n = gradient.data().len();
                Moments { m: vec![0.0; n], v: vec![0.0; n], step: 0 }
            });
            moments.step += 1;
            let weight_decay = if param.decays() { self.weight_decay } else { 0.0 };
            let settings = Kernel {
                learning_rate: learning_rate as f32,
                beta1: BETA1,
                beta2: BETA2,
                eps: EPS,
                weight_decay,
                step: moments.step,
            };
            let state = AdamWState { param: param.data_mut(), m: &mut moments.m, v: &mut moments.v };
            kernels::adamw(&settings, state, gradient.data(), scale);
        }
    }

    /// The running means of a weight's gradients.
    pub fn moments(&self, id: ParamId) -> Option<&Moments> {
        self.moments[id.index()].as_ref()
    }

    /// Goes on from running means that were saved.
    pub fn set_moments(&mut self, id: ParamId, moments: Option<Moments>) {
        self.moments[id.index()] = moments;
    }
}

/// What gradients of norm `norm` are multiplied by so that it is at most `largest`, as
/// `torch.nn.utils.clip_grad_norm_`; 0 means no limit.
pub fn clip_factor(norm: f64, largest: f64) -> f32 {
    if largest == 0.0 { 1.0 } else { (largest / (norm + 1e-6)).min(1.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_gradients_are_cut_to_the_norm() {
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!(clip_factor(4.0, 0.0), 1.0);
    }
}
