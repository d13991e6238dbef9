//! Self-attention in f64, one query after the other.

use super::dropout::factor;
use crate::{Attention, AttentionSaved, Dropout};

/// `out = softmax(q * k^T * scale) * v` in each sequence and head.
pub fn attention(attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    let (size, width) = (attention.head_size, attention.n_heads * attention.head_size);
    for head in Head::all(attention, qkv) {
        for i in 0..head.len {
            let scores: Vec<f64> = (0..head.len).map(|j| head.score(i, j)).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = max + scores.iter().map(|score| (score - max).exp()).sum::<f64>().ln();
            lse[head.idx * (qkv.len() / (3 * width)) + head.start + i] = log_sum as f32;
            for c in 0..size {
                let terms = (0..head.len)
                    .map(|j| (scores[j] - log_sum).exp() * head.factor(i, j) * head.at(Part::Value, j, c));
                out[(head.start + i) * width + head.idx * size + c] = terms.sum::<f64>() as f32;
            }
        }
    }
}

/// The gradient of `qkv` replaces `d_qkv`.
pub fn attention_backward(attention: &Attention, saved: AttentionSaved, d_out: &[f32], d_qkv: &mut [f32]) {
    let (size, width) = (attention.head_size, attention.n_heads * attention.head_size);
    let mut grads = vec![0.0; d_qkv.len()];
    for head in Head::all(attention, saved.qkv) {
        let d_out = |i: usize, c: usize| f64::from(d_out[(head.start + i) * width + head.idx * size + c]);
        let out = |i: usize, c: usize| f64::from(saved.out[(head.start + i) * width + head.idx * size + c]);
        for i in 0..head.len {
            let log_sum = f64::from(saved.lse[head.idx * (saved.qkv.len() / (3 * width)) + head.start + i]);
            let mean = (0..size).map(|c| d_out(i, c) * out(i, c)).sum::<f64>();
            for j in 0..head.len {
                let probability = (head.score(i, j) - log_sum).exp();
                let d_kept = (0..size).map(|c| d_out(i, c) * head.at(Part::Value, j, c)).sum::<f64>();
                let d_score = probability * (d_kept * head.factor(i, j) - mean) * f64::from(attention.scale);
                for c in 0..size {
                    grads[head.index(Part::Value, j, c)] += probability * head.factor(i, j) * d_out(i, c);
                    grads[head.index(Part::Query, i, c)] += d_score * head.at(Part::Key, j, c);
                    grads[head.index(Part::Key, j, c)] += d_score * head.at(Part::Query, i, c);
                }
            }
        }
    }
    d_qkv.iter_mut().zip(grads).for_each(|(d, grad)| *d = grad as f32);
}

#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

/// One head of one sequence.
struct Head<'a> {
    attention: &'a Attention<'a>,
    qkv: &'a [f32],
    start: usize,
    len: usize,
    idx: usize,
}

impl<'a> Head<'a> {
    fn all(attention: &'a Attention, qkv: &'a [f32]) -> impl Iterator<Item = Self> {
        attention.cu_seqlens.windows(2).flat_map(move |ends| {
            let (start, len) = (ends[0], ends[1] - ends[0]);
            (0..attention.n_heads).map(move |idx| Head { attention, qkv, start, len, idx })
        })
    }

    fn index(&self, part: Part, token: usize, c: usize) -> usize {
        let width = self.attention.n_heads * self.attention.head_size;
        ((self.start + token) * 3 + part as usize) * width + self.idx * self.attention.head_size + c
    }

    fn at(&self, part: Part, token: usize, c: usize) -> f64 {
        f64::from(self.qkv[self.index(part, token, c)])
    }

    fn score(&self, i: usize, j: usize) -> f64 {
        let products =
            (0..self.attention.head_size).map(|c| self.at(Part::Query, i, c) * self.at(Part::Key, j, c));
        products.sum::<f64>() * f64::from(self.attention.scale)
    }

    /// What dropout multiplies a probability by. Each head of each sequence has a seed of its own.
    fn factor(&self, i: usize, j: usize) -> f64 {
        let Some(dropout) = self.attention.dropout else { return 1.0 };
        let place = (self.start * self.attention.n_heads + self.idx) as u64;
        let seed = dropout.seed.wrapping_add((place + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
        f64::from(factor(Dropout { seed, ..dropout }, (i * self.len + j) as u64))
    }
}
