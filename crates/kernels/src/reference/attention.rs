//! Self-attention in f64, one query after the other.

use super::dropout::factor;
use crate::{Attention, AttentionSaved, Bias, Dropout, Visible};

/// `out = softmax(q * k^T * scale + bias) * v` in each sequence and head, over the visible keys.
pub fn attention(attention: &Attention, qkv: &[f32], out: &mut [f32], lse: &mut [f32]) {
    for head in Head::all(attention, qkv) {
        for i in 0..head.len {
            let scores: Vec<(usize, f64)> = head.keys(i).map(|j| (j, head.score(i, j))).collect();
            let max = scores.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
            let log_sum = max + scores.iter().map(|(_, score)| (score - max).exp()).sum::<f64>().ln();
            lse[head.lse_index(i)] = log_sum as f32;
            for c in 0..attention.head_size {
                let terms = scores.iter().map(|(j, score)| {
                    (score - log_sum).exp() * head.factor(i, *j) * head.at(Part::Value, *j, c)
                });
                out[head.out_index(i, c)] = terms.sum::<f64>() as f32;
            }
        }
    }
}

/// The gradient of `qkv` replaces `d_qkv`, and that of the bias `d_bias`.
pub fn attention_backward(
    attention: &Attention,
    saved: AttentionSaved,
    d_out: &[f32],
    d_qkv: &mut [f32],
    d_bias: Option<&mut [f32]>,
) {
    let (size, scale) = (attention.head_size, f64::from(attention.scale));
    let mut grads = vec![0.0; d_qkv.len()];
    let mut bias_grads = vec![0.0; d_bias.as_ref().map_or(0, |d_bias| d_bias.len())];
    for head in Head::all(attention, saved.qkv) {
        let d_out = |i: usize, c: usize| f64::from(d_out[head.out_index(i, c)]);
        let out = |i: usize, c: usize| f64::from(saved.out[head.out_index(i, c)]);
        for i in 0..head.len {
            let log_sum = f64::from(saved.lse[head.lse_index(i)]);
            let mean = (0..size).map(|c| d_out(i, c) * out(i, c)).sum::<f64>();
            for j in head.keys(i) {
                let probability = (head.score(i, j) - log_sum).exp();
                let d_kept = (0..size).map(|c| d_out(i, c) * head.at(Part::Value, j, c)).sum::<f64>();
                let d_score = probability * (d_kept * head.factor(i, j) - mean);
                for c in 0..size {
                    grads[head.index(Part::Value, j, c)] += probability * head.factor(i, j) * d_out(i, c);
                    grads[head.index(Part::Query, i, c)] += d_score * scale * head.at(Part::Key, j, c);
                    grads[head.index(Part::Key, j, c)] += d_score * scale * head.at(Part::Query, i, c);
                }
                if d_bias.is_some() {
                    bias_grads[head.bias_index(i, j)] += d_score;
                }
            }
        }
    }
    d_qkv.iter_mut().zip(grads).for_each(|(d, grad)| *d = grad as f32);
    d_bias.into_iter().flatten().zip(bias_grads).for_each(|(d, grad)| *d = grad as f32);
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
    /// Scores of the sequences before.
    first_score: usize,
}

impl<'a> Head<'a> {
    fn all(attention: &'a Attention<'a>, qkv: &'a [f32]) -> impl Iterator<Item = Self> {
        let n_heads = attention.n_heads;
        let mut end = 0;
        attention.cu_seqlens.windows(2).flat_map(move |ends| {
            let (start, len, first_score) = (ends[0], ends[1] - ends[0], end);
            end += n_heads * len * len;
            (0..n_heads).map(move |idx| Head { attention, qkv, start, len, idx, first_score })
        })
    }

    /// In `qkv`.
    fn index(&self, part: Part, token: usize, c: usize) -> usize {
        let Attention { n_heads, n_kv_heads, head_size, .. } = *self.attention;
        let kv_head = self.idx / (n_heads / n_kv_heads);
        let head = match part {
            Part::Query => self.idx,
            Part::Key => n_heads + kv_head,
            Part::Value => n_heads + n_kv_heads + kv_head,
        };
        ((self.start + token) * (n_heads + 2 * n_kv_heads) + head) * head_size + c
    }

    /// In `out`.
    fn out_index(&self, i: usize, c: usize) -> usize {
        ((self.start + i) * self.attention.n_heads + self.idx) * self.attention.head_size + c
    }

    fn lse_index(&self, i: usize) -> usize {
        self.idx * self.attention.cu_seqlens[self.attention.cu_seqlens.len() - 1] + self.start + i
    }

    /// In the bias.
    fn bias_index(&self, i: usize, j: usize) -> usize {
        match self.attention.bias {
            None => unreachable!("no bias has an index"),
            Some(Bias::ByDistance(table)) => {
                let width = table.len() / self.attention.n_heads;
                let farthest = (width / 2) as i64;
                let distance = (j as i64 - i as i64).clamp(-farthest, farthest);
                self.idx * width + (distance + farthest) as usize
            }
            Some(Bias::Dense(_)) => self.first_score + (self.idx * self.len + i) * self.len + j,
        }
    }

    fn at(&self, part: Part, token: usize, c: usize) -> f64 {
        f64::from(self.qkv[self.index(part, token, c)])
    }

    /// The keys that a query sees.
    fn keys(&self, i: usize) -> impl Iterator<Item = usize> {
        let visible = self.attention.visible;
        (0..self.len).filter(move |&j| match visible {
            Visible::All => true,
            Visible::Causal => j <= i,
            Visible::Window(width) => i.abs_diff(j) <= width,
            Visible::CausalWindow(width) => j <= i && i - j < width,
        })
    }

    fn score(&self, i: usize, j: usize) -> f64 {
        let products =
            (0..self.attention.head_size).map(|c| self.at(Part::Query, i, c) * self.at(Part::Key, j, c));
        let bias = match self.attention.bias {
            None => 0.0,
            Some(Bias::ByDistance(bias) | Bias::Dense(bias)) => f64::from(bias[self.bias_index(i, j)]),
        };
        products.sum::<f64>() * f64::from(self.attention.scale) + bias
    }

    /// What dropout multiplies a probability by. Each head of each sequence has a seed of its own.
    fn factor(&self, i: usize, j: usize) -> f64 {
        let Some(dropout) = self.attention.dropout else { return 1.0 };
        let place = (self.start * self.attention.n_heads + self.idx) as u64;
        let seed = dropout.seed.wrapping_add((place + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
        f64::from(factor(Dropout { seed, ..dropout }, (i * self.len + j) as u64))
    }
}
