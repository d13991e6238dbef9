//! The "new" architecture of gte-*-v1.5 (Zhang et al. 2024): BERT's norms with rotary positions and gated feed-forward
//! blocks.

use super::block::{Embeddings, Table, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Biases, Names, PostNorm};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::Gate;

const ROTARY: RotaryKeys =
    RotaryKeys { part: None, theta: "rope_theta", default_theta: 10_000.0, scaled: true };

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    keys::only(config, "position_embedding_type", "rope")?;
    keys::only(config, "layer_norm_type", "layer_norm")?;
    for key in ["logn_attention_scale", "logn_attention_clip1"] {
        if config.bool_or(key, false)? {
            return Err(config.wrong(key, "false"));
        }
    }
    if !config.bool_or("pack_qkv", true)? {
        return Err(config.wrong("pack_qkv", "true"));
    }
    let rope = rope(config, &ROTARY, sizes.head_size)?;
    let eps = keys::eps(config, "layer_norm_eps", 1e-12)?;

    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), Some(0))?;
    let n_types = config.usize_or("type_vocab_size", 0)?;
    let token_types = (n_types > 0).then(|| Table {
        id: builder.table("embeddings.token_type_embeddings.weight", n_types, sizes.hidden),
        padding_idx: None,
    });
    let norm = Some(builder.layer_norm("embeddings.LayerNorm", sizes.hidden, eps, true));
    let dropout = keys::dropout(config, "hidden_dropout_prob", 0.1)?;
    let embeddings = Embeddings { token_types, norm, dropout, ..Embeddings::new(words) };
    let names = Names {
        qkv: &["attention.qkv_proj"],
        attention_output: "attention.o_proj",
        attention_norm: "attn_ln",
        up: &["mlp.up_gate_proj"],
        down: "mlp.down_proj",
        norm: "mlp_ln",
    };
    let kind = PostNorm {
        gate: Some(Gate::Second),
        rope: Some(0),
        biases: Biases { attention: true, up: false, down: true },
        attention_dropout: keys::dropout(config, "attention_probs_dropout_prob", 0.0)?,
        ..PostNorm::read(config, &sizes, names)?
    };
    let layers =
        builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &format!("encoder.layer.{i}")));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ropes: vec![rope], ..Transformer::new(shape, embeddings) }))
}
