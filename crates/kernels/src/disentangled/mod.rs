//! Scores of contents against distances, which DeBERTa adds to those of queries and keys.

mod backward;
mod distances;
mod forward;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::{
    MatRef,
    parallel::for_each,
    simd::{Isa, MatMut},
};
use backward::Backward;
use distances::Half;
use forward::Forward;

/// Which contents and distances are compared (He et al. 2021, "DeBERTa").
///
/// A row of `qkv` holds the queries of all heads, then as many keys, then anything. A row of `positions` holds the
/// queries or keys, or both, of all heads of one distance.
#[derive(Clone, Copy, Debug)]
pub struct Disentangled<'a> {
    /// Where each sequence starts, and after the last where it ends.
    pub cu_seqlens: &'a [usize],
    /// The number of heads.
    pub n_heads: usize,
    /// The width of a head.
    pub head_size: usize,
    /// The factor of the scores.
    pub scale: f32,
    /// The row of `positions` of each distance from a query to a key, `[2 * span - 1]`: the distance 0 is in the
    /// middle, and no sequence is longer than the span.
    pub rows: &'a [u32],
    /// Which head of `positions` is the first head's key of a distance; queries are compared with these.
    pub keys: Option<usize>,
    /// Which head of `positions` is the first head's query of a distance; keys are compared with these.
    pub queries: Option<usize>,
}

/// `bias[i][j] = (q_i * pk_(j - i) + k_j * pq_(j - i)) * scale` in each sequence and head, of which one term may be
/// missing: a block `[heads × len × len]` (queries, then keys) a sequence, end to end.
///
/// A sequence's values do not depend on the other sequences.
///
/// # Panics
/// If the shapes do not fit, or both terms are missing.
pub fn disentangled_bias(shape: &Disentangled, qkv: MatRef, positions: MatRef, bias: &mut [f32]) {
    forward(Isa::best(), shape, (qkv, positions), bias);
}

/// Adds the gradients of `qkv` and `positions` to `d_qkv` and `d_positions`.
///
/// # Panics
/// If the shapes do not fit, or both terms are missing.
pub fn disentangled_bias_backward(
    shape: &Disentangled,
    (qkv, positions): (MatRef, MatRef),
    d_bias: &[f32],
    d_qkv: &mut [f32],
    d_positions: &mut [f32],
) {
    backward(Isa::best(), shape, (qkv, positions), d_bias, (d_qkv, d_positions));
}

fn forward(isa: Isa, shape: &Disentangled, inputs: (MatRef, MatRef), bias: &mut [f32]) {
    shape.check(inputs, bias.len());
    let mut tasks: Vec<Forward> = (0..shape.n_heads)
        .map(|head| Forward { shape, halves: shape.halves(inputs, head), bias: Vec::new() })
        .collect();
    let mut rest = bias;
    for rows in shape.sequences() {
        for task in &mut tasks {
            let own;
            (own, rest) = rest.split_at_mut(rows.len() * rows.len());
            task.bias.push(own);
        }
    }
    for_each(tasks, |task| forward::run(isa, task));
}

fn backward(
    isa: Isa,
    shape: &Disentangled,
    inputs: (MatRef, MatRef),
    d_bias: &[f32],
    (d_qkv, d_positions): (&mut [f32], &mut [f32]),
) {
    shape.check(inputs, d_bias.len());
    let (qkv, positions) = inputs;
    let mut d_qkv = shape.heads(MatMut::new(d_qkv, qkv.rows(), qkv.cols()));
    let mut d_positions = shape.heads(MatMut::new(d_positions, positions.rows(), positions.cols()));
    let mut tasks = Vec::new();
    for head in 0..shape.n_heads {
        let grads = shape.columns(head).map(|half| {
            half.map(|[content, position]| {
                (std::mem::take(&mut d_qkv[content]), std::mem::take(&mut d_positions[position]))
            })
        });
        tasks.push(Backward { shape, halves: shape.halves(inputs, head), d_bias: Vec::new(), grads });
    }
    let mut rest = d_bias;
    for rows in shape.sequences() {
        for task in &mut tasks {
            let own;
            (own, rest) = rest.split_at(rows.len() * rows.len());
            task.d_bias.push(own);
        }
    }
    for_each(tasks, |task| backward::run(isa, task));
}

impl<'a> Disentangled<'a> {
    fn check(&self, (qkv, positions): (MatRef, MatRef), n_scores: usize) {
        let Self { n_heads, head_size, rows, .. } = *self;
        let lens = || self.sequences().map(|rows| rows.len());
        assert_eq!(self.cu_seqlens.first().copied().unwrap_or(0), 0, "the first sequence starts at 0");
        assert_eq!(self.cu_seqlens.last().copied().unwrap_or(0), qkv.rows(), "a row for each token");
        assert_eq!(n_scores, n_heads * lens().map(|len| len * len).sum::<usize>(), "a bias for each score");
        assert!(head_size > 0 && qkv.cols() >= 2 * n_heads * head_size, "columns of queries and keys");
        assert!(self.keys.or(self.queries).is_some(), "at least one term");
        assert!(qkv.is_row_major() && positions.is_row_major(), "rows that lie side by side");
        assert!(rows.len() % 2 == 1 && lens().all(|len| 2 * len <= rows.len() + 1), "rows of all distances");
    }

    /// The rows of each sequence.
    fn sequences(&self) -> impl Iterator<Item = Range<usize>> {
        self.cu_seqlens.windows(2).map(|ends| ends[0]..ends[1])
    }

    /// Which head of `qkv` each half of a head's terms reads, and which of `positions`.
    fn columns(&self, head: usize) -> [Option<[usize; 2]>; 2] {
        let keys_of_distances = self.keys.map(|first| [head, first + head]);
        let queries_of_distances = self.queries.map(|first| [self.n_heads + head, first + head]);
        [keys_of_distances, queries_of_distances]
    }

    /// The operands of each half of a head's terms.
    fn halves(&self, (qkv, positions): (MatRef<'a>, MatRef<'a>), head: usize) -> [Option<Half<'a>>; 2] {
        let size = self.head_size;
        self.columns(head).map(|half| {
            half.map(|[content, position]| Half {
                content: qkv.col_range(content * size..(content + 1) * size),
                positions: positions.col_range(position * size..(position + 1) * size),
            })
        })
    }

    /// The columns of each head.
    fn heads<'m>(&self, mut x: MatMut<'m>) -> Vec<MatMut<'m>> {
        let n_heads = x.cols() / self.head_size;
        let heads = (0..n_heads).map(|_| {
            let (head, rest) = std::mem::take(&mut x).split_cols(self.head_size);
            x = rest;
            head
        });
        heads.collect()
    }
}
