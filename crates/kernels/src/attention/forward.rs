//! The forward pass of a task.

use std::{cell::RefCell, ops::Range};

use super::{
    head::{Head, Inputs, ScoreMemory},
    operands::{Left, Right, product},
};
use crate::{
    Write,
    buffer::Buffer,
    elementwise::scale_with,
    gemm::panels,
    math::exp,
    simd::{Isa, Kernel, MAX_LANES, MatMut, Simd},
};

/// Some heads of some sequences, and the queries that are some rows of them.
pub(super) struct Forward<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) sequences: Range<usize>,
    pub(super) heads: Range<usize>,
    /// Rows of all tokens; of several sequences, all.
    pub(super) queries: Range<usize>,
    /// `[queries × heads * size]`
    pub(super) out: MatMut<'a>,
    /// `[heads × queries]`
    pub(super) lse: MatMut<'a>,
}

pub(super) fn run(isa: Isa, task: Forward) {
    MEMORY.with_borrow_mut(|memory| isa.run(Run { task, memory }));
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    keys: Buffer,
    values: Buffer,
    scores: ScoreMemory,
}

struct Run<'a> {
    task: Forward<'a>,
    memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { inputs, sequences, heads, queries, mut out, mut lse } = self.task;
        let size = inputs.attention.head_size;
        for (sequence, rows) in inputs.sequences(&sequences) {
            let own = queries.start.max(rows.start)..queries.end.min(rows.end);
            let places = own.start - queries.start..own.end - queries.start;
            for (kv_head, group) in inputs.attention.head_groups(&heads) {
                let [key, value] = inputs.keys_and_values(&rows, kv_head);
                let key = Left::pack(simd, key, &mut self.memory.keys);
                let value = Right::new(simd, value, &mut self.memory.values);
                for idx in group {
                    let head = inputs.head(sequence, &rows, idx);
                    let place = idx - heads.start;
                    let out = out.window(places.clone(), place * size..(place + 1) * size);
                    let lse = &mut lse.row(place)[places.clone()];
                    let own = own.start - rows.start..own.end - rows.start;
                    head.forward(simd, (&key, value), own, (out, lse), &mut self.memory.scores);
                }
            }
        }
    }
}

impl Head<'_> {
    /// A panel of queries at a time, with the scores transposed: a row holds the scores of one key. So the softmax
    /// runs down whole vectors, and the probabilities are a left operand as the tile reads it.
    #[inline(always)]
    fn forward<S: Simd>(
        &self,
        simd: S,
        (key, value): (&Left, Right),
        queries: Range<usize>,
        (mut out, lse): (MatMut, &mut [f32]),
        memory: &mut ScoreMemory,
    ) {
        for (places, width) in panels::<S>(queries.len()) {
            let rows = queries.start + places.start..queries.start + places.end;
            let keys = self.visible.keys(&rows, self.len());
            let scores = self.scores(simd, key, (&rows, &keys, width), memory);
            self.visible.hide(simd, (&rows, &keys), (scores, width), f32::NEG_INFINITY);
            let mut sums = [0.0; 2 * MAX_LANES];
            let lse = &mut lse[places.clone()];
            if width == S::LANES {
                exp_scores::<S, 1>(simd, scores, &mut sums, lse);
            } else {
                exp_scores::<S, 2>(simd, scores, &mut sums, lse);
            }
            // The exponential of minus infinity is not quite zero.
            self.visible.hide(simd, (&rows, &keys), (scores, width), 0.0);
            self.drop_out(simd, (rows.start, &keys), (scores, width));

            let probabilities = Left::scores(scores, rows.len(), keys.len());
            let size = 0..out.cols();
            let c = out.window(places.clone(), size);
            product(simd, (&probabilities, 0..rows.len()), value.row_range(keys), c, Write::Overwrite);
            for (row, sum) in places.zip(sums) {
                scale_with(simd, out.row(row), 1.0 / sum);
            }
        }
    }

    /// Drops probabilities, of which each row holds those of one key and of the queries from a first on.
    #[inline(always)]
    fn drop_out<S: Simd>(
        &self,
        simd: S,
        (first_query, keys): (usize, &Range<usize>),
        (scores, width): (&mut [f32], usize),
    ) {
        let Some(mask) = self.mask(simd) else { return };
        for v in (0..width).step_by(S::LANES) {
            let first = self.mask_index(simd, first_query + v);
            for (key, scores) in keys.clone().zip(scores.chunks_exact_mut(width)) {
                let index = simd.add_bits(first, simd.splat_bits(key as u32));
                simd.store_at(mask.apply(simd, index, simd.load_at(scores, v)), scores, v);
            }
        }
    }
}

/// Replaces the scores by the exponentials of their distances to the largest of their query; writes the sum of
/// each query's exponentials and its log-sum-exp.
#[inline(always)]
fn exp_scores<S: Simd, const NV: usize>(simd: S, scores: &mut [f32], sums: &mut [f32], lse: &mut [f32]) {
    let mut max = [simd.splat(f32::NEG_INFINITY); NV];
    for scores in scores.chunks_exact(NV * S::LANES) {
        for (v, max) in max.iter_mut().enumerate() {
            *max = simd.max(*max, simd.load(&scores[v * S::LANES..]));
        }
    }
    let mut sum = [simd.splat(0.0); NV];
    for scores in scores.chunks_exact_mut(NV * S::LANES) {
        for v in 0..NV {
            let score = &mut scores[v * S::LANES..];
            let exp = exp(simd, simd.sub(simd.load(score), max[v]));
            sum[v] = simd.add(sum[v], exp);
            simd.store(exp, score);
        }
    }
    let mut largest = [0.0; 2 * MAX_LANES];
    for v in 0..NV {
        simd.store(max[v], &mut largest[v * S::LANES..]);
        simd.store(sum[v], &mut sums[v * S::LANES..]);
    }
    for (lse, (max, sum)) in lse.iter_mut().zip(largest.iter().zip(sums)) {
        *lse = max + sum.ln();
    }
}
