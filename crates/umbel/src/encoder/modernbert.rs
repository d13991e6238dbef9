//! ModernBERT (Warner et al. 2024): rotary positions, gated feed-forward blocks, norms before the blocks, and windows
//! around each token in two of three layers.

use super::block::{Attention, Embeddings, FeedForward, Layer, Norms, Residual, Transformer};
use super::keys::{self, Sizes};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{Gate, SelfAttention, Visible};
use crate::nn::params::Part;

const GLOBAL: RotaryKeys = RotaryKeys {
    part: Some("full_attention"),
    theta: "global_rope_theta",
    default_theta: 160_000.0,
    scaled: false,
};

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let kind = Kind::read(config, &sizes)?;
    let is_local = keys::sliding_layers(config, sizes.n_layers, |i| {
        Ok(!i.is_multiple_of(config.usize_or("global_attn_every_n_layers", 3)?.max(1)))
    })?;
    // Where local layers have no base of their own, they have that of the global ones.
    let local_default = keys::above_0(config, "global_rope_theta", Some(10_000.0))?;
    let local = RotaryKeys {
        part: Some("sliding_attention"),
        theta: "local_rope_theta",
        default_theta: local_default,
        scaled: false,
    };
    let ropes = vec![rope(config, &GLOBAL, sizes.head_size)?, rope(config, &local, sizes.head_size)?];

    let words = keys::words(
        config,
        builder,
        "embeddings.tok_embeddings.weight",
        (sizes.vocab, sizes.hidden),
        Some(50_283),
    )?;
    let embeddings = Embeddings {
        norm: Some(builder.layer_norm("embeddings.norm", sizes.hidden, kind.eps, kind.norm_bias)),
        dropout: keys::dropout(config, "embedding_dropout", 0.0)?,
        ..Embeddings::new(words)
    };
    let layers = builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, i, is_local[i]));
    builder.part(Part::Encoder);
    let norm = Some(builder.layer_norm("final_norm", sizes.hidden, kind.eps, kind.norm_bias));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ropes, norm, ..Transformer::new(shape, embeddings) }))
}

struct Kind {
    sizes: Sizes,
    eps: f32,
    norm_bias: bool,
    attention_bias: bool,
    mlp_bias: bool,
    activation: kernels::Activation,
    attention_dropout: f32,
    mlp_dropout: f32,
    window: Visible,
}

impl Kind {
    fn read(config: &Config, sizes: &Sizes) -> Result<Self> {
        Ok(Self {
            sizes: *sizes,
            eps: keys::eps(config, "norm_eps", 1e-5)?,
            norm_bias: config.bool_or("norm_bias", false)?,
            attention_bias: config.bool_or("attention_bias", false)?,
            mlp_bias: config.bool_or("mlp_bias", false)?,
            activation: keys::activation(config, "hidden_activation", "gelu")?,
            attention_dropout: keys::dropout(config, "attention_dropout", 0.0)?,
            mlp_dropout: keys::dropout(config, "mlp_dropout", 0.0)?,
            window: Visible::Window(config.usize_or("local_attention", 128)? / 2),
        })
    }

    fn layer(&self, builder: &mut Builder<'_>, i: usize, is_local: bool) -> Layer {
        let Self { sizes, eps, norm_bias, .. } = *self;
        let hidden = sizes.hidden;
        let name = |rest: &str| format!("layers.{i}.{rest}");
        let attention_norms = match i {
            0 => Norms::None,
            _ => Norms::Before(builder.layer_norm(&name("attn_norm"), hidden, eps, norm_bias)),
        };
        let visible = if is_local { self.window } else { Visible::All };
        let shape = SelfAttention { visible, ..sizes.attention(self.attention_dropout) };
        let attention = Attention {
            qkv: builder.linear(&name("attn.Wqkv"), (shape.qkv_width(), hidden), self.attention_bias),
            shape,
            head_norms: None,
            rope: Some(usize::from(is_local)),
            output: builder.linear(&name("attn.Wo"), (hidden, sizes.query_width()), self.attention_bias),
        };
        let norm = builder.layer_norm(&name("mlp_norm"), hidden, eps, norm_bias);
        let feed_forward = FeedForward {
            up: builder.linear(&name("mlp.Wi"), (2 * sizes.intermediate, hidden), self.mlp_bias),
            activation: self.activation,
            gate: Some(Gate::First),
            dropout: self.mlp_dropout,
            down: builder.linear(&name("mlp.Wo"), (hidden, sizes.intermediate), self.mlp_bias),
        };
        Layer {
            attention: Residual { block: attention, norms: attention_norms, dropout: self.attention_dropout },
            feed_forward: Residual { block: feed_forward, norms: Norms::Before(norm), dropout: 0.0 },
        }
    }
}
