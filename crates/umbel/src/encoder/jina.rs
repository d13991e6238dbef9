//! jina-embeddings-v3 (Sturua et al. 2024): XLM-RoBERTa with rotary positions. Its LoRA adapters are not read.

use super::block::{Embeddings, Table, Transformer};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;

const ROTARY: RotaryKeys =
    RotaryKeys { part: None, theta: "rotary_emb_base", default_theta: 20_000.0, scaled: false };

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let rope = rope(config, &ROTARY, sizes.head_size)?;
    let eps = keys::eps(config, "layer_norm_eps", 1e-5)?;
    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, sizes.hidden), Some(1))?;
    let n_types = config.usize_or("type_vocab_size", 1)?;
    let token_types = (n_types > 0).then(|| Table {
        id: builder.table("embeddings.token_type_embeddings.weight", n_types, sizes.hidden),
        padding_idx: None,
    });
    let norm = Some(builder.layer_norm("emb_ln", sizes.hidden, eps, true));
    let dropout = keys::dropout(config, "hidden_dropout_prob", 0.1)?;
    let embeddings = Embeddings { token_types, norm, dropout, ..Embeddings::new(words) };
    let names = Names {
        qkv: &["mixer.Wqkv"],
        attention_output: "mixer.out_proj",
        attention_norm: "norm1",
        up: &["mlp.fc1"],
        down: "mlp.fc2",
        norm: "norm2",
    };
    let kind = PostNorm { rope: Some(0), eps, ..PostNorm::read(config, &sizes, names)? };
    let layers =
        builder.layers(sizes.n_layers, |builder, i| kind.layer(builder, &format!("encoder.layers.{i}")));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, ropes: vec![rope], ..Transformer::new(shape, embeddings) }))
}
