//! Self-attention with its projections.

use std::rc::Rc;

use super::{DistanceBias, Rope};
use crate::nn::ops::{self, AttentionBias, Linear, Norm, SelfAttention};
use crate::nn::{Tape, Var};
use crate::text::Batch;

/// Self-attention with its projections.
pub(in crate::encoder) struct Attention {
    /// Queries of all heads, then keys, then values.
    pub(in crate::encoder) qkv: Linear,
    pub(in crate::encoder) shape: SelfAttention,
    /// Norms of each head's queries and keys.
    pub(in crate::encoder) head_norms: Option<[Norm; 2]>,
    /// Which of the encoder's rotary embeddings turns queries and keys.
    pub(in crate::encoder) rope: Option<usize>,
    pub(in crate::encoder) output: Linear,
}

/// What the layers of an encoder share in one pass.
pub(in crate::encoder) struct Context<'a> {
    pub(in crate::encoder) batch: &'a Batch,
    position_ids: Rc<[u32]>,
    ropes: &'a [Rope],
    bias: Option<AttentionBias>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        tape: &mut Tape<'_>,
        batch: &'a Batch,
        ropes: &'a [Rope],
        bias: Option<&DistanceBias>,
    ) -> Self {
        let bias = bias.map(|bias| AttentionBias::ByDistance(bias.forward(tape, batch)));
        Self { batch, position_ids: batch.position_ids().into(), ropes, bias }
    }
}

impl Attention {
    /// [tokens × hidden] → [tokens × hidden]
    pub(super) fn forward(&self, tape: &mut Tape<'_>, states: &Var, context: &Context<'_>) -> Var {
        let SelfAttention { n_heads, n_kv_heads, head_size, .. } = self.shape;
        let mut qkv = ops::linear(tape, states, self.qkv);
        if let Some([of_queries, of_keys]) = self.head_norms {
            let n_queries = n_heads * head_size;
            let keys = n_queries..n_queries + n_kv_heads * head_size;
            qkv = ops::head_norm(tape, qkv, 0..n_queries, head_size, of_queries);
            qkv = ops::head_norm(tape, qkv, keys, head_size, of_keys);
        }
        if let Some(rope) = self.rope {
            let tables = context.ropes[rope].tables(context.position_ids.iter().max());
            let positions = context.position_ids.clone();
            let rope = ops::Rope { tables, positions, n_heads: n_heads + n_kv_heads, head_size };
            qkv = ops::rope(tape, qkv, rope);
        }
        let mixed = ops::attention(tape, &qkv, context.batch.cu_seqlens(), self.shape, context.bias.as_ref());
        drop(qkv);
        ops::linear(tape, &mixed, self.output)
    }
}
