//! Dropout (`torch.nn.functional.dropout`): in training, zero some values and scale the others up.

use crate::nn::{Tape, Var};

/// In training, each value is zero with `probability`, else divided by `1 − probability`.
pub fn dropout(tape: &mut Tape<'_>, x: &Var, probability: f32) -> Var {
    let Some(mask) = tape.dropout(probability) else { return x.clone() };
    let slot = x.slot();
    let mut y = x.clone().into_matrix();
    kernels::dropout(mask, y.data_mut());
    tape.record(y, slot.is_some(), move |mut d_y, grads| {
        kernels::dropout(mask, d_y.data_mut());
        grads.give(slot, d_y);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(4, 5), |tape, x| dropout(tape, x, 0.3));
    }

    #[test]
    fn inference_drops_nothing() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(random(4, 5));
        assert_eq!(dropout(&mut tape, &x, 0.5).data(), x.data());
    }
}
