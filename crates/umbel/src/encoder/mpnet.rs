//! MPNet (Song et al. 2020): RoBERTa's positions, and T5's biases by distance in every layer.

use super::block::{DistanceBias, Embeddings, Positions, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::params::Part;

/// The padding token, whatever the configuration says.
const PAD: u32 = 1;
/// Buckets and distance are constants, whatever `relative_attention_num_buckets` says.
const N_BUCKETS: usize = 32;
const MAX_DISTANCE: usize = 128;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let n_positions = keys::size(config, "max_position_embeddings")?;
    let name = "embeddings.word_embeddings.weight";
    let mut words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), Some(PAD))?;
    words.padding_idx = Some(PAD);
    let positions = builder.table("embeddings.position_embeddings.weight", n_positions, sizes.hidden);
    let embeddings = Embeddings {
        positions: Some(Positions::AfterPadding(positions, PAD)),
        norm: Some(builder.layer_norm(
            "embeddings.LayerNorm",
            sizes.hidden,
            keys::eps(config, "layer_norm_eps", 1e-12)?,
            true,
        )),
        dropout: keys::dropout(config, "hidden_dropout_prob", 0.1)?,
        ..Embeddings::new(words)
    };
    let n_rows = config.usize_or("relative_attention_num_buckets", N_BUCKETS)?;
    if n_rows < N_BUCKETS {
        return Err(config.wrong("relative_attention_num_buckets", &format!("{N_BUCKETS} or more")));
    }
    builder.part(Part::Encoder);
    let table = builder.table("encoder.relative_attention_bias.weight", n_rows, sizes.n_heads);
    let distance_bias = Some(DistanceBias { table, n_buckets: N_BUCKETS, max_distance: MAX_DISTANCE });
    let names = Names {
        qkv: &["attention.attn.q", "attention.attn.k", "attention.attn.v"],
        attention_output: "attention.attn.o",
        attention_norm: "attention.LayerNorm",
        up: &["intermediate.dense"],
        down: "output.dense",
        norm: "output.LayerNorm",
    };
    let kind = PostNorm::read(config, &sizes, names)?;
    let layers =
        builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &format!("encoder.layer.{i}")));
    let shape = sizes.shape(keys::positions_after(config, PAD)?);
    Ok(Box::new(Transformer { layers, distance_bias, ..Transformer::new(shape, embeddings) }))
}
