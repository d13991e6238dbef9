//! Megatron-BERT (Shoeybi et al. 2019): BERT with its norms before the blocks, and one at the end.

use super::block::{Attention, FeedForward, Layer, Norms, Residual, Transformer};
use super::keys::{self, Sizes};
use super::{Builder, Encoder, bert};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::params::Part;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let embeddings = bert::tables(config, builder, &sizes, sizes.hidden)?;
    let eps = keys::eps(config, "layer_norm_eps", 1e-12)?;
    let dropout = keys::dropout(config, "hidden_dropout_prob", 0.1)?;
    let activation = keys::activation(config, "hidden_act", "gelu")?;
    let shape = sizes.attention(keys::dropout(config, "attention_probs_dropout_prob", 0.1)?);
    let layers = builder.layers(sizes.n_layers, |builder, i| {
        let name = |rest: &str| format!("encoder.layer.{i}.{rest}");
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let attention_norm = builder.layer_norm(&name("attention.ln"), sizes.hidden, eps, true);
        let output = (sizes.hidden, sizes.query_width());
        let attention = Attention {
            qkv: builder.stacked_linear(&keys::qkv_parts(&sizes, qkv), sizes.hidden, true),
            shape,
            head_norms: None,
            rope: None,
            output: builder.linear(&name("attention.output.dense"), output, true),
        };
        let norm = builder.layer_norm(&name("ln"), sizes.hidden, eps, true);
        let feed_forward = FeedForward {
            up: builder.linear(&name("intermediate.dense"), (sizes.intermediate, sizes.hidden), true),
            activation,
            gate: None,
            dropout: 0.0,
            down: builder.linear(&name("output.dense"), (sizes.hidden, sizes.intermediate), true),
        };
        Layer {
            attention: Residual { block: attention, norms: Norms::Before(attention_norm), dropout },
            feed_forward: Residual { block: feed_forward, norms: Norms::Before(norm), dropout },
        }
    });
    builder.part(Part::Encoder);
    let norm = Some(builder.layer_norm("encoder.ln", sizes.hidden, eps, true));
    let shape = sizes.shape(keys::size(config, "max_position_embeddings")?);
    Ok(Box::new(Transformer { layers, norm, ..Transformer::new(shape, embeddings) }))
}
