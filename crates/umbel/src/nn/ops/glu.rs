//! Gated linear units (Shazeer 2020): one half of each row, activated, times the other half.

pub use kernels::Gate;
use kernels::Glu;

use crate::nn::{Matrix, Tape, Var};

/// `f(gate) · up`, [rows × 2 · size] → [rows × size].
pub fn glu(tape: &mut Tape<'_>, x: &Var, activation: kernels::Activation, gate: Gate) -> Var {
    let kernel = Glu { activation, gate, size: x.cols() / 2 };
    let mut y = Matrix::scratch(x.rows(), kernel.size);
    kernels::glu(&kernel, x.data(), y.data_mut());
    let (slot, x) = (x.slot(), x.value());
    tape.record(y, slot.is_some(), move |d_y, grads| {
        let mut d_x = Matrix::scratch(x.rows(), x.cols());
        kernels::glu_backward(&kernel, x.data(), d_y.data(), d_x.data_mut());
        grads.give(slot, d_x);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        for gate in [Gate::First, Gate::Second] {
            check_gradient(random(3, 8), |tape, x| glu(tape, x, kernels::Activation::Silu, gate));
        }
    }
}
