//! BERT (Devlin et al. 2018) and what has its layers: learned positions, a norm after each block.
//!
//! The values are those of `transformers.BertModel` and `ErnieModel`; poolers are not used by any pooling and stay as
//! they are.

use super::block::{Embeddings, Positions, Table, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let embeddings = embeddings(config, builder, &sizes, sizes.hidden)?;
    transformer(config, builder, &sizes, embeddings, keys::size(config, "max_position_embeddings")?)
}

/// ERNIE (Sun et al. 2019): BERT with a table of task types, of which the first is always added.
pub(super) fn build_ernie(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let mut embeddings = embeddings(config, builder, &sizes, sizes.hidden)?;
    if config.bool_or("use_task_id", false)? {
        let n_types = config.size_or("task_type_vocab_size", 3)?;
        embeddings.constants =
            vec![builder.table("embeddings.task_type_embeddings.weight", n_types, sizes.hidden)];
    }
    transformer(config, builder, &sizes, embeddings, keys::size(config, "max_position_embeddings")?)
}

/// BERT's embeddings, `size` wide, with their norm.
pub(super) fn embeddings(
    config: &Config,
    builder: &mut Builder<'_>,
    sizes: &Sizes,
    size: usize,
) -> Result<Embeddings> {
    let embeddings = tables(config, builder, sizes, size)?;
    let eps = keys::eps(config, "layer_norm_eps", 1e-12)?;
    Ok(Embeddings { norm: Some(builder.layer_norm("embeddings.LayerNorm", size, eps, true)), ..embeddings })
}

/// The tables of words, token types and positions, `size` wide.
pub(super) fn tables(
    config: &Config,
    builder: &mut Builder<'_>,
    sizes: &Sizes,
    size: usize,
) -> Result<Embeddings> {
    keys::only(config, "position_embedding_type", "absolute")?;
    let n_positions = keys::size(config, "max_position_embeddings")?;
    let n_token_types = config.usize_or("type_vocab_size", 2)?;
    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, size), Some(0))?;
    let positions = builder.table("embeddings.position_embeddings.weight", n_positions, size);
    let token_types = |builder: &mut Builder<'_>| {
        let id = builder.table("embeddings.token_type_embeddings.weight", n_token_types, size);
        Table { id, padding_idx: None }
    };
    Ok(Embeddings {
        token_types: (n_token_types > 0).then(|| token_types(builder)),
        positions: Some(Positions::FromZero(positions)),
        dropout: keys::dropout(config, "hidden_dropout_prob", 0.1)?,
        ..Embeddings::new(words)
    })
}

/// BERT's layers on embeddings of some kind.
pub(super) fn transformer(
    config: &Config,
    builder: &mut Builder<'_>,
    sizes: &Sizes,
    embeddings: Embeddings,
    max_positions: usize,
) -> Result<Box<dyn Encoder>> {
    let names = Names {
        qkv: &["attention.self.query", "attention.self.key", "attention.self.value"],
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        up: &["intermediate.dense"],
        down: "output.dense",
        norm: "output.LayerNorm",
    };
    let kind = PostNorm::read(config, sizes, names)?;
    let layers =
        builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &format!("encoder.layer.{i}")));
    Ok(Box::new(Transformer { layers, ..Transformer::new(sizes.shape(max_positions), embeddings) }))
}
