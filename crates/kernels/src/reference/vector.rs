//! Sums, products and the optimiser's step, one value after the other.

use crate::{AdamW, AdamWState};

/// `into += x`.
pub fn add(x: &[f32], into: &mut [f32]) {
    into.iter_mut().zip(x).for_each(|(into, x)| *into += x);
}

/// `x *= by`.
pub fn scale(x: &mut [f32], by: f32) {
    x.iter_mut().for_each(|x| *x *= by);
}

/// `into[c] += sum over the rows of x[row][c]`, summed in f64.
pub fn column_sums(x: &[f32], cols: usize, into: &mut [f32]) {
    for (c, into) in into.iter_mut().enumerate() {
        *into += x.iter().skip(c).step_by(cols).map(|x| f64::from(*x)).sum::<f64>() as f32;
    }
}

/// The sum of the squares, in f64.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    x.iter().map(|x| f64::from(*x).powi(2)).sum()
}

/// One step of `torch.optim.AdamW`, in f64.
pub fn adamw(settings: &AdamW, state: AdamWState, grad: &[f32], grad_scale: f32) {
    let [lr, beta1, beta2, eps, decay] =
        [settings.learning_rate, settings.beta1, settings.beta2, settings.eps, settings.weight_decay]
            .map(f64::from);
    let correction1 = 1.0 - beta1.powi(settings.step as i32);
    let correction2 = 1.0 - beta2.powi(settings.step as i32);
    for (i, grad) in grad.iter().enumerate() {
        let grad = f64::from(*grad) * f64::from(grad_scale);
        let m = beta1 * f64::from(state.m[i]) + (1.0 - beta1) * grad;
        let v = beta2 * f64::from(state.v[i]) + (1.0 - beta2) * grad * grad;
        let decayed = f64::from(state.param[i]) * (1.0 - lr * decay);
        state.param[i] = (decayed - lr * (m / correction1) / ((v / correction2).sqrt() + eps)) as f32;
        (state.m[i], state.v[i]) = (m as f32, v as f32);
    }
}
