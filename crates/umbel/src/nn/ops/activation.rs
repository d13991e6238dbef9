//! An activation function on each value.

use kernels::Activation;

use crate::nn::{Tape, Var};

/// `f(x)`, value by value.
pub fn activate(tape: &mut Tape<'_>, x: Var, activation: Activation) -> Var {
    if activation == Activation::Identity {
        return x;
    }
    let (slot, pre) = (x.slot(), tape.is_training().then(|| x.value()));
    let mut y = x.into_matrix();
    kernels::activate(activation, y.data_mut());
    tape.record(y, slot.is_some(), move |mut d_y, grads| {
        let pre = pre.as_ref().expect("kept in training");
        kernels::activate_backward(activation, pre.data(), d_y.data_mut());
        grads.give(slot, d_y);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        for activation in [
            Activation::Identity,
            Activation::Gelu,
            Activation::GeluTanh,
            Activation::Relu,
            Activation::Silu,
            Activation::Tanh,
            Activation::Sigmoid,
        ] {
            check_gradient(random(3, 5), |tape, x| activate(tape, x.clone(), activation));
        }
    }
}
