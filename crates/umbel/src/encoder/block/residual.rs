//! A block beside the states that it changes, and where the norms stand.

use crate::nn::ops::{self, Norm};
use crate::nn::{Tape, Var};

/// A block beside the states that it changes.
pub(in crate::encoder) struct Residual<B> {
    pub(in crate::encoder) block: B,
    pub(in crate::encoder) norms: Norms,
    /// Of what the block gives.
    pub(in crate::encoder) dropout: f32,
}

/// Where the norms stand around a block `f` of states `x`.
#[derive(Clone, Copy)]
pub(in crate::encoder) enum Norms {
    /// `norm(f(x) + x)`, as in BERT.
    After(Norm),
    /// `f(norm(x)) + x`, as in GPT-2 and Llama.
    Before(Norm),
    /// `after(f(before(x))) + x`, as in Gemma 3.
    Around(Norm, Norm),
    /// `f(x) + x`, as before the attention of ModernBERT's first layer.
    None,
}

impl<B> Residual<B> {
    /// The states that the block leaves. [tokens × hidden]
    pub(in crate::encoder) fn forward<'p>(
        &self,
        tape: &mut Tape<'p>,
        states: Var,
        run: impl FnOnce(&B, &mut Tape<'p>, &Var) -> Var,
    ) -> Var {
        let input = match self.norms {
            Norms::Before(norm) | Norms::Around(norm, _) => ops::norm(tape, states.clone(), norm),
            Norms::After(_) | Norms::None => states.clone(),
        };
        let change = run(&self.block, tape, &input);
        drop(input);
        match self.norms {
            Norms::After(norm) => ops::residual_norm(tape, change, &states, norm, self.dropout),
            Norms::Around(_, norm) => {
                let change = ops::norm(tape, change, norm);
                ops::residual(tape, change, &states, self.dropout)
            }
            Norms::Before(_) | Norms::None => ops::residual(tape, change, &states, self.dropout),
        }
    }
}
