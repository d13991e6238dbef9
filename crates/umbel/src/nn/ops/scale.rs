//! Multiplication by one number.

use crate::nn::{Matrix, Tape, Var};

/// `x · factor`
pub fn scale(tape: &mut Tape<'_>, x: Var, factor: f32) -> Var {
    let slot = x.slot();
    let mut y = x.into_matrix();
    multiply(&mut y, factor);
    tape.record(y, slot.is_some(), move |mut d_y, grads| {
        multiply(&mut d_y, factor);
        grads.give(slot, d_y);
    })
}

fn multiply(x: &mut Matrix, factor: f32) {
    x.data_mut().iter_mut().for_each(|x| *x *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(3, 5), |tape, x| scale(tape, x.clone(), -2.5));
    }
}
