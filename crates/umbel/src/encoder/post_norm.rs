//! The layers of BERT, which many encoders have under other names: a norm after each block.

use kernels::Activation;

use super::Builder;
use super::block::{Attention, FeedForward, Layer, Norms, Residual};
use super::keys::{self, Sizes};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{Gate, Norm};

/// What the weights of a layer are called, after the layer's own name.
pub(super) struct Names {
    /// Queries, keys and values, or one that holds them all.
    pub(super) qkv: &'static [&'static str],
    pub(super) attention_output: &'static str,
    pub(super) attention_norm: &'static str,
    /// The way up, or the two halves of a gated one.
    pub(super) up: &'static [&'static str],
    pub(super) down: &'static str,
    pub(super) norm: &'static str,
}

/// A layer with a norm after each block.
pub(super) struct PostNorm {
    pub(super) sizes: Sizes,
    pub(super) names: Names,
    pub(super) eps: f32,
    pub(super) activation: Activation,
    pub(super) gate: Option<Gate>,
    pub(super) rope: Option<usize>,
    pub(super) biases: Biases,
    /// Of attention probabilities.
    pub(super) attention_dropout: f32,
    /// Of what the attention and the feed-forward block give.
    pub(super) dropouts: [f32; 2],
}

/// Which linear layers add something.
#[derive(Clone, Copy)]
pub(super) struct Biases {
    /// Those of the attention.
    pub(super) attention: bool,
    pub(super) up: bool,
    pub(super) down: bool,
}

impl PostNorm {
    /// A layer of these names, with BERT's keys, biases everywhere and no gate.
    pub(super) fn read(config: &Config, sizes: &Sizes, names: Names) -> Result<Self> {
        Ok(Self {
            sizes: *sizes,
            names,
            eps: keys::eps(config, "layer_norm_eps", 1e-12)?,
            activation: keys::activation(config, "hidden_act", "gelu")?,
            gate: None,
            rope: None,
            biases: Biases { attention: true, up: true, down: true },
            attention_dropout: keys::dropout(config, "attention_probs_dropout_prob", 0.1)?,
            dropouts: [keys::dropout(config, "hidden_dropout_prob", 0.1)?; 2],
        })
    }

    /// The layer whose weights have `prefix` before their names.
    pub(super) fn layer(&self, builder: &mut Builder<'_>, prefix: &str) -> Layer {
        let Self { sizes, names, biases, .. } = self;
        let name = |rest: &str| format!("{prefix}.{rest}");
        let norm = |builder: &mut Builder<'_>, rest: &str| -> Norm {
            builder.layer_norm(&name(rest), sizes.hidden, self.eps, true)
        };
        let output = (sizes.hidden, sizes.query_width());
        let attention = Attention {
            qkv: builder.stacked_linear(&self.qkv_parts(&name), sizes.hidden, biases.attention),
            shape: sizes.attention(self.attention_dropout),
            head_norms: None,
            rope: self.rope,
            output: builder.linear(&name(names.attention_output), output, biases.attention),
        };
        let attention_norm = norm(builder, names.attention_norm);
        let wide = if self.gate.is_some() { 2 * sizes.intermediate } else { sizes.intermediate };
        let up: Vec<_> = names.up.iter().map(|rest| (name(rest), wide / names.up.len())).collect();
        let feed_forward = FeedForward {
            up: builder.stacked_linear(&up, sizes.hidden, biases.up),
            activation: self.activation,
            gate: self.gate,
            dropout: 0.0,
            down: builder.linear(&name(names.down), (sizes.hidden, sizes.intermediate), biases.down),
        };
        let norm = norm(builder, names.norm);
        let [dropout, ff_dropout] = self.dropouts;
        Layer {
            attention: Residual { block: attention, norms: Norms::After(attention_norm), dropout },
            feed_forward: Residual { block: feed_forward, norms: Norms::After(norm), dropout: ff_dropout },
        }
    }

    fn qkv_parts(&self, name: &impl Fn(&str) -> String) -> Vec<(String, usize)> {
        match self.names.qkv {
            [query, key, value] => {
                keys::qkv_parts(&self.sizes, [query, key, value].map(|rest| name(rest))).into()
            }
            packed => {
                let width = self.sizes.query_width() + 2 * self.sizes.key_width();
                packed.iter().map(|rest| (name(rest), width / packed.len())).collect()
            }
        }
    }
}
