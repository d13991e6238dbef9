//! The forward pass of one head of one sequence.

use std::cell::RefCell;

use super::Head;
use crate::{
    Write,
    buffer::Buffer,
    dropout::Mask,
    elementwise::scale_with,
    gemm::{Panel, Strips, UnpackPanel, pack_strip, panels},
    math::exp,
    simd::{Isa, Kernel, MAX_LANES, MatMut, Simd},
};

/// What the forward pass of a head reads and writes.
pub(super) struct Forward<'a> {
    pub(super) head: Head<'a>,
    /// `[tokens × size]`
    pub(super) out: MatMut<'a>,
    /// `[1 × tokens]`
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
    queries: Buffer,
    scores: Buffer,
    out: Buffer,
}

struct Run<'a> {
    task: Forward<'a>,
    memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    /// A panel of queries at a time, with the scores transposed: a row holds the scores of one key. So the
    /// softmax runs down whole vectors, and the probabilities are a panel as the tile reads it.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { head, mut out, mut lse } = self.task;
        let memory = self.memory;
        let (len, size) = (head.len(), head.size());
        let keys = Strips::pack(simd, head.key, &mut memory.keys);
        let values = Strips::pack(simd, head.value.transposed(), &mut memory.values);
        for (rows, width) in panels::<S>(len) {
            let queries = memory.queries.resize(size * width);
            pack_strip(simd, head.query.row_range(rows.clone()), queries, width);
            scale_with(simd, queries, head.scale);
            let scores = memory.scores.resize(len * width); // [keys × queries]
            let queries = Panel { data: queries, width };
            keys.times(simd, &queries, MatMut::new(scores, len, width), Write::Overwrite);

            let mut sums = [0.0; 2 * MAX_LANES];
            let sums = &mut sums[..width];
            let lse = &mut lse.row(0)[rows.clone()];
            if width == S::LANES {
                exp_scores::<S, 1>(simd, scores, sums, lse);
            } else {
                exp_scores::<S, 2>(simd, scores, sums, lse);
            }
            if let Some(mask) = head.mask(simd) {
                drop_out(simd, mask, scores, (rows.start, width));
            }
            let out_panel = memory.out.resize(size * width); // [size × queries]
            let probabilities = Panel { data: scores, width };
            values.times(simd, &probabilities, MatMut::new(out_panel, size, width), Write::Overwrite);
            divide_columns(simd, out_panel, sums);
            let from = Panel { data: out_panel, width };
            simd.call(UnpackPanel { from, to: out.window(rows, 0..size) });
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

/// Drops probabilities, of which each row holds those of one key and of the queries from a first on.
#[inline(always)]
fn drop_out<S: Simd>(simd: S, mask: Mask<S>, scores: &mut [f32], (first_query, width): (usize, usize)) {
    let len = (scores.len() / width) as u32;
    for (key, scores) in scores.chunks_exact_mut(width).enumerate() {
        for v in (0..width).step_by(S::LANES) {
            let query = simd.add_bits(simd.lane_numbers(), simd.splat_bits((first_query + v) as u32));
            let index =
                simd.add_bits(simd.mul_bits(query, simd.splat_bits(len)), simd.splat_bits(key as u32));
            simd.store_at(mask.apply(simd, index, simd.load_at(scores, v)), scores, v);
        }
    }
}

#[inline(always)]
fn divide_columns<S: Simd>(simd: S, x: &mut [f32], by: &[f32]) {
    for x in x.chunks_exact_mut(by.len()) {
        for v in (0..by.len()).step_by(S::LANES) {
            simd.store_at(simd.div(simd.load_at(x, v), simd.load_at(by, v)), x, v);
        }
    }
}
