//! Self-attention over sequences that are laid end to end.

use crate::{Dropout, reference};

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
    reference::attention(attention, qkv, out, lse);
}

/// The gradient of `qkv` replaces `d_qkv`.
///
/// # Panics
/// If the lengths do not fit.
pub fn attention_backward(attention: &Attention, saved: AttentionSaved, d_out: &[f32], d_qkv: &mut [f32]) {
    reference::attention_backward(attention, saved, d_out, d_qkv);
}
