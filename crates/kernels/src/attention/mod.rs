//! Self-attention over sequences that are laid end to end.

mod backward;
mod bias;
mod forward;
mod head;
mod operands;
mod share;
#[cfg(test)]
mod tests;
mod visible;

pub use bias::Bias;
pub(crate) use operands::{Left, Right, product};
pub use visible::Visible;

use std::ops::Range;

use crate::{
    Dropout, MatRef,
    gemm::ranges,
    parallel::for_each,
    simd::{Isa, MatMut},
};
use backward::Backward;
use bias::BiasGrads;
use forward::Forward;
use head::Inputs;
use share::Whole;

/// The shape of a self-attention over packed sequences.
///
/// A row of `qkv` holds the queries of all heads, then the keys of all key heads, then their values.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Where each sequence starts, and after the last where it ends.
    pub cu_seqlens: &'a [usize],
    /// The number of heads.
    pub n_heads: usize,
    /// The number of heads of keys and values. It divides `n_heads`; so many neighbouring heads share each.
    pub n_kv_heads: usize,
    /// The width of a head.
    pub head_size: usize,
    /// The factor of the scores, mostly `1 / sqrt(head_size)`.
    pub scale: f32,
    /// Which keys a query sees.
    pub visible: Visible,
    /// Added to the scores after their scale.
    pub bias: Option<Bias<'a>>,
    /// Applied to the probabilities.
    pub dropout: Option<Dropout>,
}

/// What the forward pass read and wrote, for the backward pass.
#[derive(Clone, Copy)]
pub struct AttentionSaved<'a> {
    /// Its input. `[tokens × (heads + 2 * kv_heads) * size]`
    pub qkv: &'a [f32],
    /// Its output. `[tokens × heads * size]`
    pub out: &'a [f32],
    /// The log-sum-exp of the scores. `[heads × tokens]`
    pub lse: &'a [f32],
}

/// `out = softmax(q * k^T * scale + bias) * v` in each sequence and head, over the visible keys.
///
/// `out` is `[tokens × heads * size]`; `lse` (`[heads × tokens]`) receives the log-sum-exp of each query's
/// scores. A sequence's values do not depend on the other sequences, but for dropout, whose mask depends on
/// the token at which the sequence starts.
///
/// # Panics
/// If the lengths do not fit, or a query sees no key.
pub fn attention(attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    forward(Isa::best(), attention, qkv, out, lse);
}

/// The gradient of `qkv` replaces `d_qkv`, and that of the bias `d_bias`, where it is asked for.
///
/// # Panics
/// If the lengths do not fit, or `d_bias` is asked for and there is no bias.
pub fn attention_backward(
    attention: &Attention,
    saved: AttentionSaved,
    d_out: &[f32],
    d_qkv: &mut [f32],
    d_bias: Option<&mut [f32]>,
) {
    backward(Isa::best(), attention, saved, d_out, (d_qkv, d_bias));
}

fn forward(isa: Isa, attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    let (n_heads, size, n_tokens) = (attention.n_heads, attention.head_size, attention.n_tokens());
    let inputs = &Inputs::new(attention, qkv);
    let mut out = MatMut::new(out, n_tokens, n_heads * size);
    let mut lse = MatMut::new(lse, n_heads, n_tokens);
    let mut tasks = Vec::new();
    for group in attention.groups(Whole::Panels) {
        let rows = attention.rows(&group.sequences);
        let (mut out_rows, mut lse_rows);
        (out_rows, out) = out.split_rows(rows.len());
        (lse_rows, lse) = lse.split_cols(rows.len());
        for heads in ranges(n_heads, group.n_heads) {
            let (mut out_heads, mut lse_heads);
            (out_heads, out_rows) = out_rows.split_cols(heads.len() * size);
            (lse_heads, lse_rows) = lse_rows.split_rows(heads.len());
            for part in ranges(rows.len(), group.n_queries) {
                let (out, lse);
                (out, out_heads) = out_heads.split_rows(part.len());
                (lse, lse_heads) = lse_heads.split_cols(part.len());
                let queries = rows.start + part.start..rows.start + part.end;
                let (sequences, heads) = (group.sequences.clone(), heads.clone());
                tasks.push(Forward { inputs, sequences, heads, queries, out, lse });
            }
        }
    }
    for_each(tasks, |task| forward::run(isa, task));
}

fn backward(
    isa: Isa,
    attention: &Attention,
    saved: AttentionSaved,
    d_out: &[f32],
    (d_qkv, d_bias): (&mut [f32], Option<&mut [f32]>),
) {
    let Attention { n_heads, n_kv_heads, head_size: size, .. } = *attention;
    let n_tokens = attention.n_tokens();
    let inputs = &Inputs::new(attention, saved.qkv);
    let [out, d_out] = [saved.out, d_out].map(|x| MatRef::new(x, n_tokens, n_heads * size));
    let lse = MatRef::new(saved.lse, n_heads, n_tokens);
    let mut d_qkv = MatMut::new(d_qkv, n_tokens, attention.qkv_width());
    let mut d_bias = d_bias.map(|d_bias| BiasGrads::new(attention, d_bias));
    let mut bias_grads = d_bias.iter_mut().flat_map(|d_bias| d_bias.heads(attention));
    let mut tasks = Vec::new();
    for group in attention.groups(Whole::KeyHeads) {
        let rows = attention.rows(&group.sequences);
        let d_rows;
        (d_rows, d_qkv) = d_qkv.split_rows(rows.len());
        let (mut d_query, d_rest) = d_rows.split_cols(n_heads * size);
        let (mut d_key, mut d_value) = d_rest.split_cols(n_kv_heads * size);
        for heads in ranges(n_heads, group.n_heads) {
            let n_kv = heads.len() / (n_heads / n_kv_heads);
            let parts = [(&mut d_query, heads.len()), (&mut d_key, n_kv), (&mut d_value, n_kv)];
            let grads = parts.map(|(grad, n_heads)| {
                let (first, rest) = std::mem::take(grad).split_cols(n_heads * size);
                *grad = rest;
                first
            });
            let d_bias = bias_grads.by_ref().take(group.sequences.len() * heads.len()).collect();
            let sequences = group.sequences.clone();
            tasks.push(Backward { inputs, sequences, heads, out, d_out, lse, grads, d_bias });
        }
    }
    for_each(tasks, |task| backward::run(isa, task));
    drop(bias_grads);
    if let Some(d_bias) = d_bias {
        d_bias.sum(attention);
    }
}

impl Attention<'_> {
    fn n_tokens(&self) -> usize {
        self.cu_seqlens.last().copied().unwrap_or(0)
    }

    fn qkv_width(&self) -> usize {
        (self.n_heads + 2 * self.n_kv_heads) * self.head_size
    }

    /// The rows of each sequence.
    fn sequences(&self) -> impl ExactSizeIterator<Item = Range<usize>> {
        assert_eq!(self.cu_seqlens.first().copied().unwrap_or(0), 0, "the first sequence starts at 0");
        self.cu_seqlens.windows(2).map(|ends| ends[0]..ends[1])
    }

    /// The rows of neighbouring sequences.
    fn rows(&self, sequences: &Range<usize>) -> Range<usize> {
        if sequences.is_empty() {
            return 0..0;
        }
        self.cu_seqlens[sequences.start]..self.cu_seqlens[sequences.end]
    }

    /// The heads of keys that some heads read, and for each those that do.
    fn head_groups(&self, heads: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (heads, shared) = (heads.clone(), self.n_heads / self.n_kv_heads);
        (heads.start / shared..heads.end.div_ceil(shared)).map(move |kv_head| {
            (kv_head, heads.start.max(kv_head * shared)..heads.end.min((kv_head + 1) * shared))
        })
    }
}
