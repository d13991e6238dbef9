//! Layers of attention and feed-forward blocks on embedded tokens: what most encoders are.

use super::{Attention, Context, DistanceBias, Embeddings, FeedForward, Residual, Rope};
use crate::encoder::{Encoder, Shape};
use crate::nn::ops::{self, Norm};
use crate::nn::{Tape, Var};
use crate::text::Batch;

/// Layers of attention and feed-forward blocks on embedded tokens.
pub(in crate::encoder) struct Transformer {
    pub(in crate::encoder) shape: Shape,
    pub(in crate::encoder) embeddings: Embeddings,
    /// Those that the layers' attention may choose from.
    pub(in crate::encoder) ropes: Vec<Rope>,
    /// Of all layers' attention.
    pub(in crate::encoder) distance_bias: Option<DistanceBias>,
    /// A layer may stand in several places (ALBERT).
    pub(in crate::encoder) layers: Vec<std::sync::Arc<Layer>>,
    /// Of the last layer's states.
    pub(in crate::encoder) norm: Option<Norm>,
    /// Of what the norm gives.
    pub(in crate::encoder) dropout: f32,
}

/// One layer.
pub(in crate::encoder) struct Layer {
    pub(in crate::encoder) attention: Residual<Attention>,
    pub(in crate::encoder) feed_forward: Residual<FeedForward>,
}

impl Encoder for Transformer {
    fn encode_tapped(&self, tape: &mut Tape<'_>, batch: &Batch, tap: &mut dyn FnMut(usize, &Var)) -> Var {
        let context = Context::new(tape, batch, &self.ropes, self.distance_bias.as_ref());
        let states = self.embeddings.forward(tape, batch);
        let layer = |states: Var, (i, layer): (usize, &std::sync::Arc<Layer>)| {
            tap(i, &states);
            layer.forward(tape, states, &context)
        };
        let states = self.layers.iter().enumerate().fold(states, layer);
        let Some(norm) = self.norm else { return states };
        let states = ops::norm(tape, states, norm);
        ops::dropout(tape, &states, self.dropout)
    }

    fn shape(&self) -> Shape {
        self.shape
    }
}

impl Layer {
    /// [tokens × hidden] → [tokens × hidden]
    pub(in crate::encoder) fn forward(&self, tape: &mut Tape<'_>, states: Var, context: &Context<'_>) -> Var {
        let run = |block: &Attention, tape: &mut Tape<'_>, x: &Var| block.forward(tape, x, context);
        let states = self.attention.forward(tape, states, run);
        self.feed_forward.forward(tape, states, |block, tape, x| block.forward(tape, x))
    }
}

impl Transformer {
    /// Without layers yet, nor what only some encoders have.
    pub(in crate::encoder) fn new(shape: Shape, embeddings: Embeddings) -> Self {
        let (ropes, layers, distance_bias, norm) = Default::default();
        Self { shape, embeddings, ropes, distance_bias, layers, norm, dropout: 0.0 }
    }
}
