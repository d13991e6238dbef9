//! BERT (Devlin et al. 2018): learned positions, a layer norm after each block.
//!
//! The values are those of `transformers.BertModel`; the pooler is not used by any pooling and stays as it is.

use kernels::Activation;

use super::{Builder, Encoder, Shape, keys};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{self, LayerNorm, Linear, Lookup, SelfAttention};
use crate::nn::params::Part;
use crate::nn::{ParamId, Tape, Var};
use crate::text::Batch;

struct Bert {
    shape: Shape,
    words: ParamId,
    positions: ParamId,
    token_types: ParamId,
    // The row of `words` that gets no gradient.
    padding_idx: Option<u32>,
    norm: LayerNorm,
    dropout: f32,
    layers: Vec<Layer>,
}

struct Layer {
    qkv: Linear,
    attention: SelfAttention,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    activation: Activation,
    output: Linear,
    output_norm: LayerNorm,
    dropout: f32,
}

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let hidden = keys::size(config, "hidden_size")?;
    let shape = Shape {
        hidden_size: hidden,
        n_layers: config.usize("num_hidden_layers")?,
        vocab_size: keys::size(config, "vocab_size")?,
        max_positions: keys::size(config, "max_position_embeddings")?,
    };
    let eps = config.f32_or("layer_norm_eps", 1e-12)?;
    let n_token_types = config.usize_or("type_vocab_size", 2)?;
    keys::only(config, "position_embedding_type", "absolute")?;

    let words = builder.matrix("embeddings.word_embeddings.weight", shape.vocab_size, hidden);
    let positions = builder.matrix("embeddings.position_embeddings.weight", shape.max_positions, hidden);
    let token_types = builder.matrix("embeddings.token_type_embeddings.weight", n_token_types, hidden);
    let norm = builder.layer_norm("embeddings.LayerNorm", hidden, eps);
    let layers = (0..shape.n_layers).map(|i| Layer::build(config, builder, i)).collect::<Result<_>>()?;
    let padding_idx = keys::padding_idx(config, 0)?;
    let dropout = config.f32_or("hidden_dropout_prob", 0.1)?;
    Ok(Box::new(Bert { shape, words, positions, token_types, padding_idx, norm, dropout, layers }))
}

impl Encoder for Bert {
    fn encode(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        let lookup = |table, ids, padding_idx| Lookup { table, ids, padding_idx };
        let lookups = vec![
            lookup(self.words, batch.input_ids().to_vec(), self.padding_idx),
            lookup(self.token_types, batch.token_type_ids().to_vec(), None),
            lookup(self.positions, batch.position_ids(), None),
        ];
        let states = ops::embedding(tape, lookups);
        let states = ops::layer_norm(tape, states, self.norm);
        let states = ops::dropout(tape, &states, self.dropout);
        self.layers.iter().fold(states, |states, layer| layer.forward(tape, &states, batch))
    }

    fn shape(&self) -> Shape {
        self.shape
    }
}

impl Layer {
    fn build(config: &Config, builder: &mut Builder<'_>, i: usize) -> Result<Self> {
        builder.part(Part::Layer(i));
        let hidden = keys::size(config, "hidden_size")?;
        let intermediate = keys::size(config, "intermediate_size")?;
        let n_heads = keys::divisor(config, "num_attention_heads", hidden)?;
        let eps = config.f32_or("layer_norm_eps", 1e-12)?;
        let head_size = hidden / n_heads;
        let attention = SelfAttention {
            n_heads,
            head_size,
            scale: 1.0 / (head_size as f32).sqrt(),
            dropout: config.f32_or("attention_probs_dropout_prob", 0.1)?,
        };
        let name = |rest: &str| format!("encoder.layer.{i}.{rest}");
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            qkv: builder.stacked_linear(&qkv, hidden, hidden),
            attention,
            attention_output: builder.linear(&name("attention.output.dense"), hidden, hidden),
            attention_norm: builder.layer_norm(&name("attention.output.LayerNorm"), hidden, eps),
            intermediate: builder.linear(&name("intermediate.dense"), intermediate, hidden),
            activation: keys::activation(config, "hidden_act", "gelu")?,
            output: builder.linear(&name("output.dense"), hidden, intermediate),
            output_norm: builder.layer_norm(&name("output.LayerNorm"), hidden, eps),
            dropout: config.f32_or("hidden_dropout_prob", 0.1)?,
        })
    }

    /// [tokens × hidden] → [tokens × hidden]
    fn forward(&self, tape: &mut Tape<'_>, states: &Var, batch: &Batch) -> Var {
        let qkv = ops::linear(tape, states, self.qkv); // [tokens × 3 · hidden]
        let mixed = ops::attention(tape, &qkv, batch.cu_seqlens(), self.attention);
        drop(qkv);
        let mixed = ops::linear(tape, &mixed, self.attention_output);
        let states = ops::residual_layer_norm(tape, mixed, states, self.attention_norm, self.dropout);
        let wide = ops::linear_activated(tape, &states, self.intermediate, self.activation);
        let changed = ops::linear(tape, &wide, self.output);
        ops::residual_layer_norm(tape, changed, &states, self.output_norm, self.dropout)
    }
}
