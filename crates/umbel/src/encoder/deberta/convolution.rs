//! The convolution beside the first layer (`ConvLayer` of transformers).

use kernels::Activation;

use crate::encoder::{Builder, keys};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{self, Linear, Norm};
use crate::nn::params::Part;
use crate::nn::{Tape, Var};
use crate::text::Batch;

/// `norm(states + activation(convolution(embedded)))`
pub(super) struct Convolution {
    /// Of the values of `width` neighbouring tokens.
    linear: Linear,
    width: usize,
    activation: Activation,
    norm: Norm,
    dropout: f32,
}

impl Convolution {
    /// `None` if `conv_kernel_size` is 0.
    pub(super) fn build(
        config: &Config,
        builder: &mut Builder<'_>,
        hidden: usize,
        eps: f32,
    ) -> Result<Option<Self>> {
        let width = config.usize_or("conv_kernel_size", 0)?;
        if width == 0 {
            return Ok(None);
        }
        if width.is_multiple_of(2) {
            return Err(config.wrong("conv_kernel_size", "0 or an odd number"));
        }
        if config.usize_or("conv_groups", 1)? != 1 {
            return Err(config.wrong("conv_groups", "1"));
        }
        builder.part(Part::Layer(0));
        Ok(Some(Self {
            linear: builder.convolution("encoder.conv.conv", (hidden, hidden), width),
            width,
            activation: keys::activation(config, "conv_act", "tanh")?,
            norm: builder.layer_norm("encoder.conv.LayerNorm", hidden, eps, true),
            dropout: keys::dropout(config, "hidden_dropout_prob", 0.1)?,
        }))
    }

    /// What the first layer read, and what it gave. [tokens × hidden]
    pub(super) fn forward(&self, tape: &mut Tape<'_>, embedded: &Var, states: &Var, batch: &Batch) -> Var {
        let neighbours = ops::neighbours(tape, embedded, batch.cu_seqlens(), self.width);
        let change = ops::linear(tape, &neighbours, self.linear);
        drop(neighbours);
        let change = ops::dropout(tape, &change, self.dropout);
        let change = ops::activate(tape, change, self.activation);
        ops::residual_norm(tape, change, states, self.norm, 0.0)
    }
}
