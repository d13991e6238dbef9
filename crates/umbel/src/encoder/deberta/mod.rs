//! DeBERTa v2 and v3 (He et al. 2021): BERT's layers, whose attention also compares contents with distances.
//!
//! The values are those of `transformers.DebertaV2Model`.

mod attention;
mod convolution;
mod distances;

use std::sync::Arc;

use super::block::{Embeddings, FeedForward, Layer as BertLayer, Positions, Residual, Table};
use super::keys::{self, Sizes};
use super::post_norm::{Names, PostNorm};
use super::{Builder, Encoder, Shape};
use crate::error::Result;
use crate::folder::{Aliases, Config};
use crate::nn::ops::{self, Norm};
use crate::nn::{Tape, Var};
use crate::text::Batch;
use attention::{DisentangledAttention, Terms};
use convolution::Convolution;
use distances::{Distances, Met};

/// Its keys for BERT's.
pub(super) const ALIASES: Aliases = &[("head_dim", &["attention_head_size"])];

/// If `layer_norm_eps` is missing.
const EPS: f32 = 1e-7;

struct Deberta {
    shape: Shape,
    /// Without their norm, which is as wide as the layers.
    embeddings: Embeddings,
    norm: Norm,
    dropout: f32,
    /// `None` if only contents are compared.
    distances: Option<Distances>,
    layers: Vec<Arc<Layer>>,
    /// Of what the first layer reads, added to what it gives.
    convolution: Option<Convolution>,
}

struct Layer {
    attention: Residual<DisentangledAttention>,
    feed_forward: Residual<FeedForward>,
}

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let mut sizes = Sizes::read(config)?;
    sizes.n_kv_heads = sizes.n_heads;
    if sizes.query_width() != sizes.hidden {
        return Err(config.wrong("head_dim", "`hidden_size` divided by `num_attention_heads`"));
    }
    let eps = keys::eps(config, "layer_norm_eps", EPS)?;
    let max_positions = keys::size(config, "max_position_embeddings")?;
    let embeddings = embeddings(config, builder, &sizes, max_positions)?;
    let norm = builder.layer_norm("embeddings.LayerNorm", sizes.hidden, eps, true);

    let terms = Terms::read(config)?;
    let compares = terms.any() && sizes.n_layers > 0 && config.bool_or("relative_attention", false)?;
    let distances = match compares {
        true => Some(Distances::build(config, builder, &sizes, max_positions)?),
        false => None,
    };
    let names = Names {
        qkv: &["attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"],
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        up: &["intermediate.dense"],
        down: "output.dense",
        norm: "output.LayerNorm",
    };
    let kind = PostNorm { eps, ..PostNorm::read(config, &sizes, names)? };
    let share_keys = config.bool_or("share_att_key", false)?;
    let dropout = keys::dropout(config, "hidden_dropout_prob", 0.1)?;
    let layers = builder.layers(sizes.n_layers, |builder, i| {
        let name = format!("encoder.layer.{i}");
        let BertLayer { attention, feed_forward } = kind.layer(builder, &name);
        let Residual { block: mut content, norms, dropout: block_dropout } = attention;
        content.shape.scale = terms.scale(sizes.head_size);
        let positions = compares.then(|| match share_keys {
            true => terms.shared(content.qkv, sizes.n_heads),
            false => terms.own(builder, &format!("{name}.attention.self"), &sizes),
        });
        let block = DisentangledAttention { content, positions, dropout };
        Layer { attention: Residual { block, norms, dropout: block_dropout }, feed_forward }
    });
    let convolution = match sizes.n_layers {
        0 => None,
        _ => Convolution::build(config, builder, sizes.hidden, eps)?,
    };
    let shape = sizes.shape(max_positions);
    Ok(Box::new(Deberta { shape, embeddings, norm, dropout, distances, layers, convolution }))
}

/// Words, positions if `position_biased_input`, and token types if there are any, then a way to the layers' size.
fn embeddings(
    config: &Config,
    builder: &mut Builder<'_>,
    sizes: &Sizes,
    n_positions: usize,
) -> Result<Embeddings> {
    let size =
        if config.has("embedding_size") { keys::size(config, "embedding_size")? } else { sizes.hidden };
    let name = "embeddings.word_embeddings.weight";
    let words = keys::words(config, builder, name, (sizes.vocab, size), Some(0))?;
    let mut embeddings = Embeddings::new(words);
    if config.bool_or("position_biased_input", true)? {
        let table = builder.table("embeddings.position_embeddings.weight", n_positions, size);
        embeddings.positions = Some(Positions::FromZero(table));
    }
    let n_token_types = config.usize_or("type_vocab_size", 0)?;
    if n_token_types > 0 {
        let id = builder.table("embeddings.token_type_embeddings.weight", n_token_types, size);
        embeddings.token_types = Some(Table { id, padding_idx: None });
    }
    if size != sizes.hidden {
        embeddings.projection = Some(builder.linear("embeddings.embed_proj", (sizes.hidden, size), false));
    }
    Ok(embeddings)
}

impl Encoder for Deberta {
    fn encode_tapped(&self, tape: &mut Tape<'_>, batch: &Batch, tap: &mut dyn FnMut(usize, &Var)) -> Var {
        let met = self.distances.as_ref().map(|distances| distances.met(tape, batch));
        let embedded = self.embeddings.forward(tape, batch);
        let embedded = ops::norm(tape, embedded, self.norm);
        let embedded = ops::dropout(tape, &embedded, self.dropout);
        let Some((first, others)) = self.layers.split_first() else { return embedded };
        tap(0, &embedded);
        let states = match &self.convolution {
            None => first.forward(tape, embedded, batch, met.as_ref()),
            Some(convolution) => {
                let states = first.forward(tape, embedded.clone(), batch, met.as_ref());
                convolution.forward(tape, &embedded, &states, batch)
            }
        };
        let layer = |states: Var, (i, layer): (usize, &Arc<Layer>)| {
            tap(i + 1, &states);
            layer.forward(tape, states, batch, met.as_ref())
        };
        others.iter().enumerate().fold(states, layer)
    }

    fn shape(&self) -> Shape {
        self.shape
    }
}

impl Layer {
    /// [tokens × hidden] → [tokens × hidden]
    fn forward(&self, tape: &mut Tape<'_>, states: Var, batch: &Batch, met: Option<&Met>) -> Var {
        let run =
            |block: &DisentangledAttention, tape: &mut Tape<'_>, x: &Var| block.forward(tape, x, batch, met);
        let states = self.attention.forward(tape, states, run);
        self.feed_forward.forward(tape, states, |block, tape, x| block.forward(tape, x))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::encoder::{ENCODERS, Source};
    use crate::nn::Params;
    use crate::random::Random;

    /// Builds a small encoder with another value for a key; gives what is wrong with it.
    fn check(key: &str, value: serde_json::Value, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let config = json!({
            "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
            "vocab_size": 10, "max_position_embeddings": 16, "relative_attention": true, "position_buckets": 4,
            "pos_att_type": "p2c|c2p", "conv_kernel_size": 3,
        });
        std::fs::write(&path, config.to_string()).unwrap();
        let architecture = ENCODERS.find("deberta-v2").unwrap();
        let config = Config::read(&path).unwrap().with_aliases(architecture.aliases).with(key, value);
        let mut params = Params::default();
        let source = Source::Random { random: Random::new(1), std: 0.02 };
        let mut builder = Builder::new(&mut params, source);
        let built = (architecture.build)(&config, &mut builder).map(|encoder| encoder.shape().n_layers);
        let message = built.map_or_else(|error| error.to_string(), |n_layers| format!("{n_layers} layers"));
        assert!(message.ends_with(expected), "{message}");
    }

    #[test]
    fn what_cannot_be_computed_is_refused() {
        check("max_relative_positions", json!(-1), "1 layers");
        check("num_hidden_layers", json!(0), "0 layers");
        check("pos_att_type", json!(null), "1 layers");
        check("pos_att_type", json!([" C2P", "p2p"]), "expected a list of `c2p` and `p2c`");
        check(
            "attention_head_size",
            json!(3),
            "is 3; expected `hidden_size` divided by `num_attention_heads`",
        );
        check("position_buckets", json!(1), "`position_buckets` is 1; expected 2 or more, or -1");
        check("position_buckets", json!(2.5), "`position_buckets` is 2.5; expected a whole number");
        check("conv_kernel_size", json!(4), "`conv_kernel_size` is 4; expected 0 or an odd number");
        check("conv_groups", json!(2), "`conv_groups` is 2; expected 1");
    }
}
