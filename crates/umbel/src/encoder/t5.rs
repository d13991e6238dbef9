//! The encoder of T5 (Raffel et al. 2020): RMS norms before the blocks, biases by distance, scores that are not scaled.

use super::block::{Attention, DistanceBias, Embeddings, FeedForward, Layer, Norms, Residual, Transformer};
use super::keys::{self, Sizes};
use super::{Builder, Encoder, UNLIMITED};
use crate::error::Result;
use crate::folder::{Aliases, Config};
use crate::nn::ops::{Gate, SelfAttention};
use crate::nn::params::Part;

/// Its keys for BERT's.
pub(super) const ALIASES: Aliases = &[
    ("hidden_size", &["d_model"]),
    ("num_hidden_layers", &["num_layers"]),
    ("num_attention_heads", &["num_heads"]),
    ("head_dim", &["d_kv"]),
    ("intermediate_size", &["d_ff"]),
];

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let eps = keys::eps(config, "layer_norm_epsilon", 1e-6)?;
    let dropout = keys::dropout(config, "dropout_rate", 0.1)?;
    let (activation, gate) = projection(config)?;
    let names = ["shared.weight", "encoder.embed_tokens.weight"];
    let name = names.iter().find(|name| builder.has(name)).unwrap_or(&names[0]);
    let mut words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), None)?;
    words.padding_idx = None; // Its embedding has none, whatever `pad_token_id` says.
    let embeddings = Embeddings { dropout, ..Embeddings::new(words) };

    let n_buckets = keys::size(config, "relative_attention_num_buckets")?;
    let max_distance = config.usize_or("relative_attention_max_distance", 128)?;
    if !n_buckets.is_multiple_of(4) || max_distance <= n_buckets / 4 {
        let expected = "a multiple of 4 that is below four times `relative_attention_max_distance`";
        return Err(config.wrong("relative_attention_num_buckets", expected));
    }
    builder.part(Part::Encoder);
    let name = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
    let table = builder.table(name, n_buckets, sizes.n_heads);
    let distance_bias = Some(DistanceBias { table, n_buckets, max_distance });
    let layers = builder.layers(sizes.n_layers, |builder, i| {
        let (hidden, intermediate) = (sizes.hidden, sizes.intermediate);
        let name = |rest: &str| format!("encoder.block.{i}.layer.{rest}");
        let qkv = ["q", "k", "v"].map(|part| name(&format!("0.SelfAttention.{part}")));
        let attention_norm = builder.rms_norm(&name("0.layer_norm"), hidden, eps, 0.0);
        let output = (hidden, sizes.query_width());
        let attention = Attention {
            qkv: builder.stacked_linear(&keys::qkv_parts(&sizes, qkv), hidden, false),
            shape: SelfAttention { scale: 1.0, ..sizes.attention(dropout) },
            head_norms: None,
            rope: None,
            output: builder.linear(&name("0.SelfAttention.o"), output, false),
        };
        let norm = builder.rms_norm(&name("1.layer_norm"), hidden, eps, 0.0);
        let up: &[&str] = if gate.is_some() { &["wi_0", "wi_1"] } else { &["wi"] };
        let up = up.iter().map(|part| (name(&format!("1.DenseReluDense.{part}")), intermediate));
        let feed_forward = FeedForward {
            up: builder.stacked_linear(&up.collect::<Vec<_>>(), hidden, false),
            activation,
            gate,
            dropout,
            down: builder.linear(&name("1.DenseReluDense.wo"), (hidden, intermediate), false),
        };
        Layer {
            attention: Residual { block: attention, norms: Norms::Before(attention_norm), dropout },
            feed_forward: Residual { block: feed_forward, norms: Norms::Before(norm), dropout },
        }
    });
    builder.part(Part::Encoder);
    let norm = Some(builder.rms_norm("encoder.final_layer_norm", sizes.hidden, eps, 0.0));
    let shape = sizes.shape(UNLIMITED);
    Ok(Box::new(Transformer { layers, distance_bias, norm, dropout, ..Transformer::new(shape, embeddings) }))
}

/// `feed_forward_proj`: an activation, or `gated-` and one; `gated-gelu` means the tanh form.
fn projection(config: &Config) -> Result<(kernels::Activation, Option<Gate>)> {
    let name = config.str_or("feed_forward_proj", "relu")?;
    match name.strip_prefix("gated-") {
        Some("gelu") => Ok((kernels::Activation::GeluTanh, Some(Gate::First))),
        Some(_) => Ok((keys::activation_after(config, "feed_forward_proj", "gated-")?, Some(Gate::First))),
        None => Ok((keys::activation_after(config, "feed_forward_proj", "")?, None)),
    }
}
