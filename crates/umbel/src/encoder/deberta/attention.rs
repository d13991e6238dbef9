//! Self-attention whose scores also compare contents with distances (`DisentangledSelfAttention` of transformers).

use super::Met;
use crate::encoder::Builder;
use crate::encoder::block::Attention;
use crate::encoder::keys::Sizes;
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{self, AttentionBias, Disentangled, Linear};
use crate::nn::{Tape, Var};
use crate::text::Batch;

/// Self-attention whose scores also compare contents with distances.
pub(super) struct DisentangledAttention {
    pub(super) content: Attention,
    /// `None` if only contents are compared.
    pub(super) positions: Option<PositionProjection>,
    /// Of the states of distances.
    pub(super) dropout: f32,
}

/// From the states of distances to what contents are compared with.
pub(super) struct PositionProjection {
    linear: Linear,
    /// Where the first head's key is among the heads of its output.
    keys: Option<usize>,
    /// Where the first head's query is among the heads of its output.
    queries: Option<usize>,
}

/// What is compared with distances.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Queries with keys of distances, "c2p".
    of_queries: bool,
    /// Keys with queries of distances, "p2c".
    of_keys: bool,
}

impl Terms {
    /// `pos_att_type`: a list, or one string with `|`.
    pub(super) fn read(config: &Config) -> Result<Self> {
        let found = config.strings("pos_att_type")?;
        let names = found.iter().flat_map(|names| names.split('|')).map(|name| name.trim().to_lowercase());
        let mut terms = Self { of_queries: false, of_keys: false };
        for name in names {
            match &name[..] {
                "c2p" => terms.of_queries = true,
                "p2c" => terms.of_keys = true,
                "" => {}
                _ => return Err(config.wrong("pos_att_type", "a list of `c2p` and `p2c`")),
            }
        }
        Ok(terms)
    }

    pub(super) fn any(self) -> bool {
        self.of_queries || self.of_keys
    }

    /// What all scores are multiplied by, whether distances are compared or not.
    pub(super) fn scale(self, head_size: usize) -> f32 {
        let n_terms = 1 + usize::from(self.of_queries) + usize::from(self.of_keys);
        1.0 / ((head_size * n_terms) as f32).sqrt()
    }

    /// Distances go through the projection of the contents, which gives queries, keys and (unused) values.
    pub(super) fn shared(self, qkv: Linear, n_heads: usize) -> PositionProjection {
        let (keys, queries) = (self.of_queries.then_some(n_heads), self.of_keys.then_some(0));
        PositionProjection { linear: qkv, keys, queries }
    }

    /// Distances have projections of their own.
    pub(super) fn own(self, builder: &mut Builder<'_>, name: &str, sizes: &Sizes) -> PositionProjection {
        let parts = [(self.of_keys, "pos_query_proj"), (self.of_queries, "pos_key_proj")];
        let parts = parts.iter().filter(|(compared, _)| *compared);
        let parts: Vec<_> = parts.map(|(_, part)| (format!("{name}.{part}"), sizes.query_width())).collect();
        let linear = builder.stacked_linear(&parts, sizes.hidden, true);
        let first_key = if self.of_keys { sizes.n_heads } else { 0 };
        PositionProjection {
            linear,
            keys: self.of_queries.then_some(first_key),
            queries: self.of_keys.then_some(0),
        }
    }
}

impl DisentangledAttention {
    /// [tokens × hidden] → [tokens × hidden]
    pub(super) fn forward(&self, tape: &mut Tape<'_>, states: &Var, batch: &Batch, met: Option<&Met>) -> Var {
        let Attention { qkv, shape, output, .. } = self.content;
        let qkv = ops::linear(tape, states, qkv);
        let bias = self.positions.as_ref().zip(met).map(|(positions, met)| {
            let PositionProjection { linear, keys, queries } = *positions;
            let distances = ops::dropout(tape, &met.states, self.dropout);
            let distances = ops::linear(tape, &distances, linear);
            let (n_heads, head_size, scale, rows) =
                (shape.n_heads, shape.head_size, shape.scale, met.rows.clone());
            let compared = Disentangled { n_heads, head_size, scale, rows, keys, queries };
            let bias = ops::disentangled_bias(tape, (&qkv, &distances), batch.cu_seqlens(), compared);
            AttentionBias::Dense(bias)
        });
        let mixed = ops::attention(tape, &qkv, batch.cu_seqlens(), shape, bias.as_ref());
        drop((qkv, bias));
        ops::linear(tape, &mixed, output)
    }
}
