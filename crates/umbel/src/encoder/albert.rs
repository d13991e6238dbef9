//! ALBERT (Lan et al. 2019): BERT with small embeddings and layers that are used again and again.

use std::sync::Arc;

use super::block::{Layer, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::{Builder, Encoder, bert};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::params::Part;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let size = config.size_or("embedding_size", 128)?;
    let mut embeddings = bert::embeddings(config, builder, &sizes, size)?;
    embeddings.dropout = keys::dropout(config, "hidden_dropout_prob", 0.0)?;
    let name = "encoder.embedding_hidden_mapping_in";
    embeddings.projection = Some(builder.linear(name, (sizes.hidden, size), true));

    let n_groups = keys::size(config, "num_hidden_groups")?;
    if n_groups > sizes.n_layers.max(1) {
        return Err(config.wrong("num_hidden_groups", &format!("{} at most", sizes.n_layers)));
    }
    let names = Names {
        qkv: &["attention.query", "attention.key", "attention.value"],
        attention_output: "attention.dense",
        attention_norm: "attention.LayerNorm",
        up: &["ffn"],
        down: "ffn_output",
        norm: "full_layer_layer_norm",
    };
    let kind = PostNorm {
        activation: keys::activation(config, "hidden_act", "gelu_new")?,
        attention_dropout: keys::dropout(config, "attention_probs_dropout_prob", 0.0)?,
        dropouts: [embeddings.dropout, 0.0],
        ..PostNorm::read(config, &sizes, names)?
    };
    let n_inner = config.size_or("inner_group_num", 1)?;
    if n_inner > keys::MAX_LAYERS {
        return Err(config.wrong("inner_group_num", &format!("{} at most", keys::MAX_LAYERS)));
    }
    let groups: Vec<Vec<Arc<Layer>>> = (0..n_groups)
        .map(|group| {
            builder.part(Part::Layer(group));
            let name = |i: usize| format!("encoder.albert_layer_groups.{group}.albert_layers.{i}");
            (0..n_inner).map(|i| kind.layer(builder, &name(i)).into()).collect()
        })
        .collect();
    let group_of = |i: usize| i * n_groups / sizes.n_layers;
    let layers = (0..sizes.n_layers).flat_map(|i| groups[group_of(i)].iter().cloned()).collect();
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ..Transformer::new(shape, embeddings) }))
}
