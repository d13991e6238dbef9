//! GPT-2 (Radford et al. 2019): learned positions, norms before the blocks, each token sees those before it.

use super::block::{Attention, Embeddings, FeedForward, Layer, Norms, Positions, Residual, Transformer};
use super::keys::{self, Sizes};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::{Aliases, Config};
use crate::nn::ops::{SelfAttention, Visible};
use crate::nn::params::Part;

/// Its keys for BERT's.
pub(super) const ALIASES: Aliases = &[
    ("hidden_size", &["n_embd"]),
    ("num_hidden_layers", &["n_layer"]),
    ("num_attention_heads", &["n_head"]),
    ("intermediate_size", &["n_inner"]),
    ("max_position_embeddings", &["n_positions", "n_ctx"]),
];

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(&with_intermediate_size(config)?)?;
    for (key, usual) in [
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("reorder_and_upcast_attn", false),
    ] {
        if config.bool_or(key, usual)? != usual {
            return Err(config.wrong(key, &usual.to_string()));
        }
    }
    let eps = keys::eps(config, "layer_norm_epsilon", 1e-5)?;
    let max_positions = keys::size(config, "max_position_embeddings")?;
    let dropout = keys::dropout(config, "resid_pdrop", 0.1)?;
    let activation = keys::activation(config, "activation_function", "gelu_new")?;
    let attention = SelfAttention {
        visible: Visible::Causal,
        ..sizes.attention(keys::dropout(config, "attn_pdrop", 0.1)?)
    };
    let words = keys::words(config, builder, "wte.weight", (sizes.vocab, sizes.hidden), None)?;
    let embeddings = Embeddings {
        positions: Some(Positions::FromZero(builder.table("wpe.weight", max_positions, sizes.hidden))),
        dropout: keys::dropout(config, "embd_pdrop", 0.1)?,
        ..Embeddings::new(words)
    };
    let layers = builder.layers(sizes.n_layers, |builder, i| {
        let (name, hidden) = (|rest: &str| format!("h.{i}.{rest}"), sizes.hidden);
        let attention_norm = builder.layer_norm(&name("ln_1"), hidden, eps, true);
        let attention = Attention {
            qkv: builder.in_out_linear(&name("attn.c_attn"), (attention.qkv_width(), hidden)),
            shape: attention,
            head_norms: None,
            rope: None,
            output: builder.in_out_linear(&name("attn.c_proj"), (hidden, sizes.query_width())),
        };
        let norm = builder.layer_norm(&name("ln_2"), hidden, eps, true);
        let feed_forward = FeedForward {
            up: builder.in_out_linear(&name("mlp.c_fc"), (sizes.intermediate, hidden)),
            activation,
            gate: None,
            dropout: 0.0,
            down: builder.in_out_linear(&name("mlp.c_proj"), (hidden, sizes.intermediate)),
        };
        Layer {
            attention: Residual { block: attention, norms: Norms::Before(attention_norm), dropout },
            feed_forward: Residual { block: feed_forward, norms: Norms::Before(norm), dropout },
        }
    });
    builder.part(Part::Encoder);
    let norm = Some(builder.layer_norm("ln_f", sizes.hidden, eps, true));
    Ok(Box::new(Transformer { layers, norm, ..Transformer::new(sizes.shape(max_positions), embeddings) }))
}

/// Where `n_inner` is not given, four times the hidden size.
fn with_intermediate_size(config: &Config) -> Result<Config> {
    if config.has("intermediate_size") {
        return Ok(config.clone());
    }
    let hidden = keys::size(config, "hidden_size")?;
    Ok(config.clone().with("n_inner", hidden.saturating_mul(4).into()))
}
