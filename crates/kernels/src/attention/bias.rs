//! What is added to the scores.

use std::ops::Range;

use super::Attention;
use crate::{
    MatRef,
    buffer::Buffer,
    elementwise::add_with,
    gemm::{Panel, UnpackPanel, pack_strip},
    simd::{MatMut, Simd},
};

/// What is added to the scores after their scale.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// A value for each head and distance from the query to the key, `[heads × 2 * span - 1]`: the score of query
    /// i and key j gets column `j - i + span - 1`, or the first or last one where there is none.
    ///
    /// T5 and MPNet look up the buckets of these distances; ALiBi has a slope times them.
    ByDistance(&'a [f32]),
    /// A value for each score: a block `[heads × len × len]` (queries, then keys) a sequence, end to end.
    ///
    /// DeBERTa has such ones, from distances and contents.
    Dense(&'a [f32]),
}

/// The bias of one head of one sequence.
#[derive(Clone, Copy)]
pub(super) enum HeadBias<'a> {
    /// `[2 * span - 1]`
    ByDistance(&'a [f32]),
    /// `[queries × keys]`
    Dense(MatRef<'a>),
}

impl HeadBias<'_> {
    /// Replaces a panel of scores, `[keys × width]`, by their bias.
    #[inline(always)]
    pub(super) fn write<S: Simd>(
        self,
        simd: S,
        (queries, keys): (&Range<usize>, &Range<usize>),
        (scores, width): (&mut [f32], usize),
        memory: &mut Buffer,
    ) {
        let by_distance = match self {
            Self::ByDistance(by_distance) => by_distance,
            Self::Dense(bias) => {
                let bias = bias.row_range(queries.clone()).col_range(keys.clone());
                return pack_strip(simd, bias, scores, width);
            }
        };
        // What one key adds to the queries lies side by side; the next key's begins one place before.
        let diagonals = memory.resize(keys.len() + width);
        for (idx, bias) in diagonals.iter_mut().enumerate() {
            *bias = by_distance[column((queries, keys), idx, by_distance.len())];
        }
        for (scores, last) in scores.chunks_exact_mut(width).zip(1..) {
            let diagonals = &diagonals[keys.len() - last..];
            for v in (0..width).step_by(S::LANES) {
                simd.store_at(simd.load_at(diagonals, v), scores, v);
            }
        }
    }
}

/// Where the gradient of a `HeadBias` goes.
pub(super) enum HeadBiasGrad<'a> {
    /// `[2 * min(span, len) - 1]`, which holds zeros at first.
    ByDistance(&'a mut [f32]),
    /// `[queries × keys]`, which holds zeros at first.
    Dense(MatMut<'a>),
}

impl HeadBiasGrad<'_> {
    /// Adds the gradients of a panel of scores, `[keys × width]`.
    #[inline(always)]
    pub(super) fn add<S: Simd>(
        &mut self,
        simd: S,
        (queries, keys): (&Range<usize>, &Range<usize>),
        (d_scores, width): (&[f32], usize),
        memory: &mut Buffer,
    ) {
        let by_distance = match self {
            Self::ByDistance(by_distance) => by_distance,
            Self::Dense(grad) => {
                let to = grad.window(queries.clone(), keys.clone());
                return simd.call(UnpackPanel { from: Panel { data: d_scores, width }, to });
            }
        };
        let diagonals = memory.resize(keys.len() + width);
        diagonals.fill(0.0);
        for (d_scores, last) in d_scores.chunks_exact(width).zip(1..) {
            let first = keys.len() - last;
            add_with(simd, &d_scores[..queries.len()], &mut diagonals[first..first + queries.len()]);
        }
        for (idx, sum) in diagonals.iter().enumerate() {
            by_distance[column((queries, keys), idx, by_distance.len())] += sum;
        }
    }
}

/// The gradient of a bias, and what the tasks add to it.
pub(super) enum BiasGrads<'a> {
    ByDistance {
        /// `[heads × 2 * span - 1]`
        d_table: &'a mut [f32],
        /// The gradients of each head of each sequence end to end, `[2 * min(span, len) - 1]`.
        parts: Vec<f32>,
    },
    /// A block `[heads × len × len]` a sequence, end to end.
    Dense(&'a mut [f32]),
}

impl<'a> BiasGrads<'a> {
    pub(super) fn new(attention: &Attention, d_bias: &'a mut [f32]) -> Self {
        d_bias.fill(0.0);
        match attention.bias.expect("a bias, to have a gradient") {
            Bias::ByDistance(table) => {
                assert_eq!(table.len(), d_bias.len(), "a gradient for each distance");
                let n_parts =
                    attention.sequences().map(|rows| n_distances(attention, d_bias.len(), rows.len()));
                let parts = vec![0.0; attention.n_heads * n_parts.sum::<usize>()];
                Self::ByDistance { d_table: d_bias, parts }
            }
            Bias::Dense(bias) => {
                assert_eq!(bias.len(), d_bias.len(), "a gradient for each score");
                Self::Dense(d_bias)
            }
        }
    }

    /// Where the gradient of each head of each sequence goes.
    pub(super) fn heads(&mut self, attention: &Attention) -> impl Iterator<Item = HeadBiasGrad<'_>> {
        let (by_distance, mut rest, table_len) = match self {
            Self::ByDistance { d_table, parts } => (true, &mut parts[..], d_table.len()),
            Self::Dense(d_bias) => (false, &mut d_bias[..], 0),
        };
        let lens = attention.sequences().flat_map(|rows| std::iter::repeat_n(rows.len(), attention.n_heads));
        lens.map(move |len| {
            let n = if by_distance { n_distances(attention, table_len, len) } else { len * len };
            let (first, others) = std::mem::take(&mut rest).split_at_mut(n);
            rest = others;
            if by_distance {
                HeadBiasGrad::ByDistance(first)
            } else {
                HeadBiasGrad::Dense(MatMut::new(first, len, len))
            }
        })
    }

    /// Sums the parts of a table, a sequence after the other.
    pub(super) fn sum(self, attention: &Attention) {
        let Self::ByDistance { d_table, parts } = self else { return };
        let (width, mut rest) = (d_table.len() / attention.n_heads, &parts[..]);
        for rows in attention.sequences() {
            for d_table in d_table.chunks_exact_mut(width) {
                let part;
                (part, rest) = rest.split_at(n_distances(attention, width * attention.n_heads, rows.len()));
                let first = (width - part.len()) / 2;
                d_table[first..].iter_mut().zip(part).for_each(|(sum, d)| *sum += d);
            }
        }
    }
}

/// The columns of a table by distance that a sequence reads: those in its middle.
fn n_distances(attention: &Attention, table_len: usize, len: usize) -> usize {
    (table_len / attention.n_heads).min((2 * len).saturating_sub(1))
}

/// The column of a table by distance, of which a diagonal of a panel reads: that of its first query and last key
/// is diagonal 0, and the key comes nearer to the query with each.
#[inline(always)]
fn column((queries, keys): (&Range<usize>, &Range<usize>), diagonal: usize, n_columns: usize) -> usize {
    let last = (keys.end - 1 + n_columns / 2).saturating_sub(queries.start + diagonal);
    last.min(n_columns - 1)
}
