//! Self-attention over sequences that are laid end to end.

mod backward;
mod forward;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::{
    Dropout, MatRef,
    dropout::Mask,
    parallel::for_each,
    simd::{Isa, MatMut, Simd},
};
use backward::Backward;
use forward::Forward;

/// The shape of a self-attention over packed sequences.
///
/// A row of `qkv` holds the queries of all heads, then their keys, then their values.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Where each sequence starts, and after the last where it ends.
    pub cu_seqlens: &'a [usize],
    /// The number of heads.
    pub n_heads: usize,
    /// The width of a head.
    pub head_size: usize,
    /// The factor of the scores, mostly `1 / sqrt(head_size)`.
    pub scale: f32,
    /// Applied to the probabilities.
    pub dropout: Option<Dropout>,
}

/// What the forward pass read and wrote, for the backward pass.
#[derive(Clone, Copy)]
pub struct AttentionSaved<'a> {
    /// Its input. `[tokens × 3 * heads * size]`
    pub qkv: &'a [f32],
    /// Its output. `[tokens × heads * size]`
    pub out: &'a [f32],
    /// The log-sum-exp of the scores. `[heads × tokens]`
    pub lse: &'a [f32],
}

/// `out = softmax(q * k^T * scale) * v` in each sequence and head.
///
/// `out` is `[tokens × heads * size]`; `lse` (`[heads × tokens]`) receives the log-sum-exp of each query's
/// scores. A sequence's values do not depend on the other sequences, but for dropout, whose mask depends on
/// the token at which the sequence starts.
///
/// # Panics
/// If the lengths do not fit.
pub fn attention(attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    forward(Isa::best(), attention, qkv, out, lse);
}

/// The gradient of `qkv` replaces `d_qkv`.
///
/// # Panics
/// If the lengths do not fit.
pub fn attention_backward(attention: &Attention, saved: AttentionSaved, d_out: &[f32], d_qkv: &mut [f32]) {
    backward(Isa::best(), attention, saved, d_out, d_qkv);
}

fn forward(isa: Isa, attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    let (n_heads, size) = (attention.n_heads, attention.head_size);
    let n_tokens = attention.n_tokens();
    let mut out = MatMut::new(out, n_tokens, n_heads * size);
    let mut lse = MatMut::new(lse, n_heads, n_tokens);
    let mut tasks = Vec::new();
    for rows in attention.sequences() {
        let (mut out_heads, mut lse_heads);
        (out_heads, out) = out.split_rows(rows.len());
        (lse_heads, lse) = lse.split_cols(rows.len());
        for head in attention.heads(qkv, rows) {
            let (out, lse);
            (out, out_heads) = out_heads.split_cols(size);
            (lse, lse_heads) = lse_heads.split_rows(1);
            tasks.push(Forward { head, out, lse });
        }
    }
    if attention.is_small() {
        return tasks.into_iter().for_each(|task| forward::run(isa, task));
    }
    for_each(tasks, |task| forward::run(isa, task));
}

fn backward(isa: Isa, attention: &Attention, saved: AttentionSaved, d_out: &[f32], d_qkv: &mut [f32]) {
    let (n_heads, size) = (attention.n_heads, attention.head_size);
    let (n_tokens, width) = (attention.n_tokens(), n_heads * size);
    let (out, d_out) = (MatRef::new(saved.out, n_tokens, width), MatRef::new(d_out, n_tokens, width));
    let lse = MatRef::new(saved.lse, n_heads, n_tokens);
    let mut d_qkv = MatMut::new(d_qkv, n_tokens, 3 * width);
    let mut tasks = Vec::new();
    for rows in attention.sequences() {
        let d_rows;
        (d_rows, d_qkv) = d_qkv.split_rows(rows.len());
        let (mut d_query, d_rest) = d_rows.split_cols(width);
        let (mut d_key, mut d_value) = d_rest.split_cols(width);
        for (idx, head) in attention.heads(saved.qkv, rows.clone()).enumerate() {
            let grads = [&mut d_query, &mut d_key, &mut d_value].map(|grad| {
                let (first, rest) = std::mem::take(grad).split_cols(size);
                *grad = rest;
                first
            });
            let cols = idx * size..(idx + 1) * size;
            let [out, d_out] = [out, d_out].map(|all| all.row_range(rows.clone()).col_range(cols.clone()));
            let lse = &lse.line(idx)[rows.clone()];
            tasks.push(Backward { head, out, d_out, lse, grads });
        }
    }
    if attention.is_small() {
        return tasks.into_iter().for_each(|task| backward::run(isa, task));
    }
    for_each(tasks, |task| backward::run(isa, task));
}

impl Attention<'_> {
    fn n_tokens(&self) -> usize {
        self.cu_seqlens.last().copied().unwrap_or(0)
    }

    /// Whether the work does not pay for the way to another thread: a head takes about as many operations as
    /// its products need, and as 64 more keys would.
    fn is_small(&self) -> bool {
        let pairs: usize = self.sequences().map(|rows| rows.len() * (rows.len() + 64)).sum();
        4 * pairs * self.n_heads * self.head_size < 1 << 19
    }

    /// The rows of each sequence.
    fn sequences(&self) -> impl Iterator<Item = Range<usize>> {
        assert_eq!(self.cu_seqlens.first().copied().unwrap_or(0), 0, "the first sequence starts at 0");
        self.cu_seqlens.windows(2).map(|ends| ends[0]..ends[1])
    }

    /// The heads of the sequence that has some rows of `qkv`.
    fn heads<'a>(&self, qkv: &'a [f32], rows: Range<usize>) -> impl Iterator<Item = Head<'a>> {
        let (n_heads, size, scale, dropout) = (self.n_heads, self.head_size, self.scale, self.dropout);
        let qkv = MatRef::new(qkv, self.n_tokens(), 3 * n_heads * size).row_range(rows.clone());
        (0..n_heads).map(move |idx| {
            let part = |part: usize| {
                let first = (part * n_heads + idx) * size;
                qkv.col_range(first..first + size)
            };
            // Each head of each sequence has a seed of its own.
            let place = (rows.start * n_heads + idx) as u64 + 1;
            let dropout = dropout.map(|dropout| Dropout {
                seed: dropout.seed.wrapping_add(place.wrapping_mul(0xD1B5_4A32_D192_ED03)),
                ..dropout
            });
            Head { query: part(0), key: part(1), value: part(2), scale, dropout }
        })
    }
}

/// One head of one sequence. `[tokens × size]` each.
struct Head<'a> {
    query: MatRef<'a>,
    key: MatRef<'a>,
    value: MatRef<'a>,
    scale: f32,
    dropout: Option<Dropout>,
}

impl Head<'_> {
    fn len(&self) -> usize {
        self.query.rows()
    }

    fn size(&self) -> usize {
        self.query.cols()
    }

    /// Decides which probabilities are kept; the one of query i and key j has the index `i * len + j`.
    #[inline(always)]
    fn mask<S: Simd>(&self, simd: S) -> Option<Mask<S>> {
        self.dropout.map(|dropout| Mask::new(simd, dropout, 0))
    }
}
