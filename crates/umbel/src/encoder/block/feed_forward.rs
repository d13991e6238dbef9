//! The feed-forward block: each token by itself.

use kernels::Activation;

use crate::nn::ops::{self, Gate, Linear};
use crate::nn::{Tape, Var};

/// Wider, activated, and back: each token by itself.
pub(in crate::encoder) struct FeedForward {
    /// To the intermediate size; twice that if there is a gate.
    pub(in crate::encoder) up: Linear,
    pub(in crate::encoder) activation: Activation,
    /// Which half of the columns is activated and multiplies the other (Shazeer 2020); `None` activates all.
    pub(in crate::encoder) gate: Option<Gate>,
    /// Of the intermediate values.
    pub(in crate::encoder) dropout: f32,
    pub(in crate::encoder) down: Linear,
}

impl FeedForward {
    /// [tokens × hidden] → [tokens × hidden]
    pub(in crate::encoder) fn forward(&self, tape: &mut Tape<'_>, states: &Var) -> Var {
        let wide = match self.gate {
            None => ops::linear_activated(tape, states, self.up, self.activation),
            Some(gate) => {
                let both = ops::linear(tape, states, self.up);
                ops::glu(tape, &both, self.activation, gate)
            }
        };
        let wide = ops::dropout(tape, &wide, self.dropout);
        ops::linear(tape, &wide, self.down)
    }
}
