//! DistilBERT (Sanh et al. 2019): BERT's layers under names and keys of their own, without token types.

use super::block::{Embeddings, Positions, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::{Aliases, Config};

/// Its keys for BERT's.
pub(super) const ALIASES: Aliases = &[
    ("hidden_size", &["dim"]),
    ("num_hidden_layers", &["n_layers"]),
    ("num_attention_heads", &["n_heads"]),
    ("intermediate_size", &["hidden_dim"]),
    ("hidden_act", &["activation"]),
    ("hidden_dropout_prob", &["dropout"]),
    ("attention_probs_dropout_prob", &["attention_dropout"]),
];

/// It has no key for it.
const EPS: f32 = 1e-12;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let max_positions = keys::size(config, "max_position_embeddings")?;
    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), Some(0))?;
    let positions = builder.table("embeddings.position_embeddings.weight", max_positions, sizes.hidden);
    let embeddings = Embeddings {
        positions: Some(Positions::FromZero(positions)),
        norm: Some(builder.layer_norm("embeddings.LayerNorm", sizes.hidden, EPS, true)),
        dropout: keys::dropout(config, "hidden_dropout_prob", 0.1)?,
        ..Embeddings::new(words)
    };
    let names = Names {
        qkv: &["attention.q_lin", "attention.k_lin", "attention.v_lin"],
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        up: &["ffn.lin1"],
        down: "ffn.lin2",
        norm: "output_layer_norm",
    };
    let kind =
        PostNorm { eps: EPS, dropouts: [0.0, embeddings.dropout], ..PostNorm::read(config, &sizes, names)? };
    let name = |i: usize| format!("transformer.layer.{i}");
    let layers = builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &name(i)));
    Ok(Box::new(Transformer { layers, ..Transformer::new(sizes.shape(max_positions), embeddings) }))
}
