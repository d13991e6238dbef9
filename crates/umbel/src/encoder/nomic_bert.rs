//! Nomic BERT (Nussbaum et al. 2024): BERT's norms with rotary positions and gated feed-forward blocks.

use super::block::{Embeddings, Table, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Biases, Names, PostNorm};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::{Aliases, Config};
use crate::nn::ops::Gate;

/// The keys of published checkpoints, which are GPT-2's, for BERT's.
pub(super) const ALIASES: Aliases = &[
    ("hidden_size", &["n_embd"]),
    ("num_hidden_layers", &["n_layer"]),
    ("num_attention_heads", &["n_head"]),
    ("intermediate_size", &["n_inner"]),
    ("max_position_embeddings", &["n_positions"]),
    ("layer_norm_eps", &["layer_norm_epsilon"]),
    ("hidden_act", &["activation_function"]),
    ("hidden_dropout_prob", &["resid_pdrop"]),
    ("attention_probs_dropout_prob", &["attn_pdrop"]),
];

const ROTARY: RotaryKeys =
    RotaryKeys { part: None, theta: "rotary_emb_base", default_theta: 10_000.0, scaled: false };

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    for key in ["prenorm", "parallel_block", "rotary_emb_interleaved", "use_rms_norm", "causal"] {
        if config.bool_or(key, false)? {
            return Err(config.wrong(key, "false"));
        }
    }
    if config.has("num_experts") && config.usize("num_experts")? > 0 {
        return Err(config.wrong("num_experts", "none: mixtures of experts are not read"));
    }
    let share = config.f32_or("rotary_emb_fraction", 1.0)?;
    if !(share > 0.0 && share <= 1.0) {
        return Err(config.wrong("rotary_emb_fraction", "above 0, and 1 at most"));
    }
    let rope = rope(config, &ROTARY, (sizes.head_size as f32 * share) as usize)?;
    let dropout = keys::dropout(config, "hidden_dropout_prob", 0.0)?;
    let eps = keys::eps(config, "layer_norm_eps", 1e-12)?;

    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), Some(0))?;
    let n_types = config.usize_or("type_vocab_size", 2)?;
    let token_types = (n_types > 0).then(|| Table {
        id: builder.table("embeddings.token_type_embeddings.weight", n_types, sizes.hidden),
        padding_idx: None,
    });
    let norm = Some(builder.layer_norm("emb_ln", sizes.hidden, eps, true));
    let embeddings = Embeddings { token_types, norm, dropout, ..Embeddings::new(words) };
    let names = Names {
        qkv: &["attn.Wqkv"],
        attention_output: "attn.out_proj",
        attention_norm: "norm1",
        up: &["mlp.fc11", "mlp.fc12"],
        down: "mlp.fc2",
        norm: "norm2",
    };
    let kind = PostNorm {
        gate: Some(Gate::Second),
        rope: Some(0),
        biases: Biases {
            attention: config.bool_or("qkv_proj_bias", false)?,
            up: config.bool_or("mlp_fc1_bias", false)?,
            down: config.bool_or("mlp_fc2_bias", false)?,
        },
        attention_dropout: keys::dropout(config, "attention_probs_dropout_prob", 0.0)?,
        dropouts: [dropout; 2],
        ..PostNorm::read(config, &sizes, names)?
    };
    let layers =
        builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &format!("encoder.layers.{i}")));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ropes: vec![rope], ..Transformer::new(shape, embeddings) }))
}
