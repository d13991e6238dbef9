//! The sum with which a block ends that is normalised before it.

use crate::nn::{Tape, Var};

/// `dropout(x) + residual`
pub fn residual(tape: &mut Tape<'_>, x: Var, residual: &Var, dropout: f32) -> Var {
    let dropout = tape.dropout(dropout);
    let (x_slot, residual_slot) = (x.slot(), residual.slot());
    let mut sum = x.into_matrix();
    if let Some(dropout) = dropout {
        kernels::dropout(dropout, sum.data_mut());
    }
    kernels::add(residual.data(), sum.data_mut());
    tape.record(sum, x_slot.or(residual_slot).is_some(), move |mut d_sum, grads| {
        if x_slot.is_none() {
            return grads.give(residual_slot, d_sum);
        }
        if residual_slot.is_some() {
            grads.give(residual_slot, d_sum.clone());
        }
        if let Some(dropout) = dropout {
            kernels::dropout(dropout, d_sum.data_mut());
        }
        grads.give(x_slot, d_sum);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        for dropout in [0.0, 0.4] {
            check_gradient(random(3, 5), |tape, x| {
                let branch = crate::nn::ops::activate(tape, x.clone(), kernels::Activation::Tanh);
                residual(tape, branch, x, dropout)
            });
        }
    }
}
