//! Llama (Touvron et al. 2023) and what has its layers: Mistral, Qwen2, Qwen3, EuroBERT and Gemma 3. RMS norms before
//! the blocks, rotary positions, keys that heads share, gated feed-forward blocks.

use super::block::{Attention, Embeddings, FeedForward, Layer, Norms, Residual, Rope, Transformer};
use super::keys::{self, Sizes};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{Gate, SelfAttention, Visible};
use crate::nn::params::Part;

pub(super) const ROTARY: RotaryKeys =
    RotaryKeys { part: Some("full_attention"), theta: "rope_theta", default_theta: 10_000.0, scaled: true };

/// A layer as it differs from one to the next.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) sizes: Sizes,
    pub(super) eps: f32,
    /// Added to the weights of norms.
    pub(super) norm_offset: f32,
    /// Whether each head's queries and keys are normalised.
    pub(super) head_norms: bool,
    /// Whether there are norms after the blocks too.
    pub(super) around: bool,
    pub(super) qkv_bias: bool,
    pub(super) output_bias: bool,
    pub(super) mlp_bias: bool,
    pub(super) activation: kernels::Activation,
    pub(super) attention: SelfAttention,
}

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let kind = Kind::read(config)?;
    decoder(config, builder, &kind)
}

/// Mistral (Jiang et al. 2023): Llama with a window before each token.
pub(super) fn build_mistral(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let mut kind = Kind::read(config)?;
    if config.has("sliding_window") && kind.attention.visible == Visible::Causal {
        kind.attention.visible = Visible::CausalWindow(keys::size(config, "sliding_window")?);
    }
    decoder(config, builder, &kind)
}

/// Qwen2 (Yang et al. 2024): Llama with biases of queries, keys and values.
pub(super) fn build_qwen2(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let kind = Kind { qkv_bias: true, output_bias: false, ..Kind::read(config)? };
    decoder(config, builder, &kind)
}

/// Qwen3 (Yang et al. 2025): Llama with norms of each head's queries and keys.
pub(super) fn build_qwen3(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let kind = Kind { head_norms: true, ..Kind::read(config)? };
    decoder(config, builder, &kind)
}

/// EuroBERT (Boizard et al. 2025): Llama in which each token sees all others.
pub(super) fn build_eurobert(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let mut kind = Kind::read(config)?;
    kind.attention.visible = Visible::All;
    decoder(config, builder, &kind)
}

impl Kind {
    pub(super) fn read(config: &Config) -> Result<Self> {
        let sizes = Sizes::read(config)?;
        // Embedders made of decoders may let all tokens see each other.
        let both_ways =
            config.bool_or("use_bidirectional_attention", false)? || !config.bool_or("is_causal", true)?;
        let visible = if both_ways { Visible::All } else { Visible::Causal };
        let attention_bias = config.bool_or("attention_bias", false)?;
        Ok(Self {
            sizes,
            eps: keys::eps(config, "rms_norm_eps", 1e-6)?,
            norm_offset: 0.0,
            head_norms: false,
            around: false,
            qkv_bias: attention_bias,
            output_bias: attention_bias,
            mlp_bias: config.bool_or("mlp_bias", false)?,
            activation: keys::activation(config, "hidden_act", "silu")?,
            attention: SelfAttention {
                visible,
                ..sizes.attention(keys::dropout(config, "attention_dropout", 0.0)?)
            },
        })
    }

    /// The layer of that number, with one of the encoder's rotary embeddings.
    pub(super) fn layer(&self, builder: &mut Builder<'_>, i: usize, rope: usize) -> Layer {
        let Self { sizes, eps, norm_offset, .. } = *self;
        let hidden = sizes.hidden;
        let name = |rest: &str| format!("layers.{i}.{rest}");
        let norm =
            |builder: &mut Builder<'_>, rest: &str| builder.rms_norm(&name(rest), hidden, eps, norm_offset);
        let norms = |builder: &mut Builder<'_>, before: &str, after: &str| match self.around {
            true => Norms::Around(norm(builder, before), norm(builder, after)),
            false => Norms::Before(norm(builder, before)),
        };
        let attention_norms = norms(builder, "input_layernorm", "post_attention_layernorm");
        let head_norm = |builder: &mut Builder<'_>, rest: &str| {
            builder.rms_norm(&name(&format!("self_attn.{rest}")), sizes.head_size, eps, norm_offset)
        };
        let qkv = ["q_proj", "k_proj", "v_proj"].map(|part| name(&format!("self_attn.{part}")));
        let output = (hidden, sizes.query_width());
        let attention = Attention {
            qkv: builder.stacked_linear(&keys::qkv_parts(&sizes, qkv), hidden, self.qkv_bias),
            shape: self.attention,
            head_norms: self.head_norms.then(|| [head_norm(builder, "q_norm"), head_norm(builder, "k_norm")]),
            rope: Some(rope),
            output: builder.linear(&name("self_attn.o_proj"), output, self.output_bias),
        };
        let mlp_norms = match self.around {
            true => norms(builder, "pre_feedforward_layernorm", "post_feedforward_layernorm"),
            false => norms(builder, "post_attention_layernorm", ""),
        };
        let up = ["mlp.gate_proj", "mlp.up_proj"].map(|part| (name(part), sizes.intermediate));
        let feed_forward = FeedForward {
            up: builder.stacked_linear(&up, hidden, self.mlp_bias),
            activation: self.activation,
            gate: Some(Gate::First),
            dropout: 0.0,
            down: builder.linear(&name("mlp.down_proj"), (hidden, sizes.intermediate), self.mlp_bias),
        };
        Layer {
            attention: Residual { block: attention, norms: attention_norms, dropout: 0.0 },
            feed_forward: Residual { block: feed_forward, norms: mlp_norms, dropout: 0.0 },
        }
    }
}

/// Layers of one kind, but for a window before each token in those that `layer_types` names.
fn decoder(config: &Config, builder: &mut Builder<'_>, kind: &Kind) -> Result<Box<dyn Encoder>> {
    let is_local = keys::sliding_layers(config, kind.sizes.n_layers, |i| {
        let from = config.usize_or("max_window_layers", usize::MAX)?;
        Ok(config.bool_or("use_sliding_window", false)? && i >= from)
    })?;
    let mut local = *kind;
    if is_local.contains(&true) && kind.attention.visible == Visible::Causal {
        local.attention.visible = Visible::CausalWindow(keys::size(config, "sliding_window")?);
    }
    let kinds =
        is_local.iter().map(|&is_local| (if is_local { local } else { *kind }, 0)).collect::<Vec<_>>();
    let ropes = vec![rope(config, &ROTARY, kind.sizes.head_size)?];
    transformer(config, builder, &kinds, (ropes, 1.0, None))
}

/// Layers of given kinds with the rotary embedding of each; what token embeddings are multiplied by, and their
/// padding row if the file does not say.
pub(super) fn transformer(
    config: &Config,
    builder: &mut Builder<'_>,
    kinds: &[(Kind, usize)],
    (ropes, scale, pad): (Vec<Rope>, f32, Option<u32>),
) -> Result<Box<dyn Encoder>> {
    let Kind { sizes, eps, norm_offset, .. } = match kinds.first() {
        Some((kind, _)) => *kind,
        None => Kind::read(config)?,
    };
    let words = keys::words(config, builder, "embed_tokens.weight", (sizes.vocab, sizes.hidden), pad)?;
    let embeddings = Embeddings { scale, ..Embeddings::new(words) };
    let layers = builder.layers(sizes.n_layers, |builder, i| kinds[i].0.layer(builder, i, kinds[i].1));
    builder.part(Part::Encoder);
    let norm = Some(builder.rms_norm("norm", sizes.hidden, eps, norm_offset));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ropes, norm, ..Transformer::new(shape, embeddings) }))
}
