//! The backward pass of a task.

use std::{cell::RefCell, ops::Range};

use super::{
    bias::HeadBiasGrad,
    head::{Head, Inputs, ScoreMemory},
    operands::{Left, Right, product},
};
use crate::{
    MatRef, Write,
    buffer::Buffer,
    elementwise::scale_with,
    gemm::{pack_strip, panels},
    math::exp,
    simd::{Isa, Kernel, MAX_LANES, MatMut, Simd},
};

/// Some heads of some sequences; if some of a key's query heads, then all.
pub(super) struct Backward<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) sequences: Range<usize>,
    pub(super) heads: Range<usize>,
    /// `[all tokens × all heads * size]`
    pub(super) out: MatRef<'a>,
    /// `[all tokens × all heads * size]`
    pub(super) d_out: MatRef<'a>,
    /// `[all heads × all tokens]`
    pub(super) lse: MatRef<'a>,
    /// The gradients of queries, keys and values. `[tokens × heads * size]` each.
    pub(super) grads: [MatMut<'a>; 3],
    /// Those of the bias, for each head of each sequence; empty if nobody asks for them.
    pub(super) d_bias: Vec<HeadBiasGrad<'a>>,
}

pub(super) fn run(isa: Isa, task: Backward) {
    MEMORY.with_borrow_mut(|memory| isa.run(Run { task, memory }));
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    keys: Buffer,
    key_tail: Buffer,
    values: Buffer,
    head: HeadMemory,
}

/// Memory for the queries of a head.
#[derive(Default)]
struct HeadMemory {
    query_tail: Buffer,
    d_out_tail: Buffer,
    panel: PanelMemory,
}

/// Memory for a panel of queries.
#[derive(Default)]
struct PanelMemory {
    scores: ScoreMemory,
    d_out: Buffer,
    d_scores: Buffer,
    diagonals: Buffer,
    packed: Buffer,
}

struct Run<'a> {
    task: Backward<'a>,
    memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Backward { inputs, sequences, heads, out, d_out, lse, mut grads, d_bias } = self.task;
        let size = inputs.attention.head_size;
        let mut d_bias = d_bias.into_iter();
        let first = inputs.attention.rows(&sequences).start;
        for (sequence, rows) in inputs.sequences(&sequences) {
            let places = rows.start - first..rows.end - first;
            for (nth, (kv_head, group)) in inputs.attention.head_groups(&heads).enumerate() {
                let [key, value] = inputs.keys_and_values(&rows, kv_head);
                let keys = Keys {
                    key: Left::pack(simd, key, &mut self.memory.keys),
                    key_rows: Right::new(simd, key, &mut self.memory.key_tail),
                    value: Left::pack(simd, value, &mut self.memory.values),
                };
                let [d_query, d_key, d_value] = &mut grads;
                let kv_cols = nth * size..(nth + 1) * size;
                let mut d_key = d_key.window(places.clone(), kv_cols.clone());
                let mut d_value = d_value.window(places.clone(), kv_cols);
                fill_zero(&mut d_key);
                fill_zero(&mut d_value);
                for idx in group {
                    let cols = idx * size..(idx + 1) * size;
                    let [out, d_out] =
                        [out, d_out].map(|all| all.row_range(rows.clone()).col_range(cols.clone()));
                    let place = idx - heads.start;
                    let head = HeadBackward {
                        head: inputs.head(sequence, &rows, idx),
                        keys: &keys,
                        out,
                        d_out,
                        lse: &lse.line(idx)[rows.clone()],
                    };
                    let d_query = d_query.window(places.clone(), place * size..(place + 1) * size);
                    let d_bias = d_bias.next();
                    head.run(simd, [d_query, d_key.whole(), d_value.whole()], d_bias, &mut self.memory.head);
                }
            }
        }
    }
}

#[inline(always)]
fn fill_zero(x: &mut MatMut) {
    (0..x.rows()).for_each(|row| x.row(row).fill(0.0));
}

/// The keys and values that some query heads share.
struct Keys<'a> {
    key: Left<'a>,
    key_rows: Right<'a>,
    value: Left<'a>,
}

/// One head of one sequence.
struct HeadBackward<'a> {
    head: Head<'a>,
    keys: &'a Keys<'a>,
    /// `[tokens × size]`
    out: MatRef<'a>,
    /// `[tokens × size]`
    d_out: MatRef<'a>,
    /// The log-sum-exp of each query's scores.
    lse: &'a [f32],
}

impl HeadBackward<'_> {
    /// A panel of queries at a time, whose scores are computed again. The gradients of keys and values are added to
    /// what is there.
    #[inline(always)]
    fn run<S: Simd>(
        &self,
        simd: S,
        [mut d_query, mut d_key, mut d_value]: [MatMut; 3],
        mut d_bias: Option<HeadBiasGrad>,
        memory: &mut HeadMemory,
    ) {
        let query = Right::new(simd, self.head.query, &mut memory.query_tail);
        let d_out = Right::new(simd, self.d_out, &mut memory.d_out_tail);
        let memory = &mut memory.panel;
        for (queries, width) in panels::<S>(self.head.len()) {
            let keys = self.head.visible.keys(&queries, self.head.len());
            let panel = (&queries, &keys);
            let probabilities =
                self.head.scores(simd, &self.keys.key, (&queries, &keys, width), &mut memory.scores);
            let d_scores =
                self.d_probabilities(simd, panel, width, (&mut memory.d_out, &mut memory.d_scores));
            if width == S::LANES {
                self.softmax_backward::<S, 1>(simd, panel, probabilities, d_scores);
            } else {
                self.softmax_backward::<S, 2>(simd, panel, probabilities, d_scores);
            }
            if let Some(d_bias) = &mut d_bias {
                d_bias.add(simd, panel, (d_scores, width), &mut memory.diagonals);
            }
            scale_with(simd, d_scores, self.head.scale);

            let size = 0..d_query.cols();
            let left = Left::scores(d_scores, queries.len(), keys.len());
            let right = self.keys.key_rows.row_range(keys.clone());
            let c = d_query.window(queries.clone(), size.clone());
            product(simd, (&left, 0..queries.len()), right, c, Write::Overwrite);
            let sums = [(probabilities, d_out, &mut d_value), (d_scores, query, &mut d_key)];
            for (scores, right, grad) in sums {
                let left = Left::pack(simd, MatRef::new(scores, keys.len(), width), &mut memory.packed);
                let c = grad.window(keys.clone(), size.clone());
                product(simd, (&left, 0..keys.len()), right.row_range(queries.clone()), c, Write::Add);
            }
        }
    }

    /// The gradients of a panel of probabilities after dropout, `d_out * value^T`. `[keys × width]`
    #[inline(always)]
    fn d_probabilities<'m, S: Simd>(
        &self,
        simd: S,
        (queries, keys): (&Range<usize>, &Range<usize>),
        width: usize,
        (d_out, d_scores): (&mut Buffer, &'m mut Buffer),
    ) -> &'m mut [f32] {
        let d_out = d_out.resize(self.d_out.cols() * width);
        pack_strip(simd, self.d_out.row_range(queries.clone()), d_out, width);
        let d_scores = d_scores.resize(keys.len() * width);
        let c = MatMut::new(d_scores, keys.len(), width);
        product(simd, (&self.keys.value, keys.clone()), Right::panel(d_out, width), c, Write::Overwrite);
        d_scores
    }

    /// Replaces scores by probabilities after dropout, and the gradients of those by the ones of the scores:
    /// `p * (dp - sum(p * dp))`, where the sum is that of `out * d_out`. `[keys × NV vectors of queries]` each.
    #[inline(always)]
    fn softmax_backward<S: Simd, const NV: usize>(
        &self,
        simd: S,
        (queries, keys): (&Range<usize>, &Range<usize>),
        scores: &mut [f32],
        d_scores: &mut [f32],
    ) {
        let (mut lse, mut means) = ([0.0; 2 * MAX_LANES], [0.0; 2 * MAX_LANES]);
        lse[..queries.len()].copy_from_slice(&self.lse[queries.clone()]);
        self.output_means(simd, queries, &mut means);
        let width = NV * S::LANES;
        let mask = self.head.mask(simd);
        for v in (0..width).step_by(S::LANES) {
            let (lse, mean) = (simd.load(&lse[v..]), simd.load(&means[v..]));
            let first = self.head.mask_index(simd, queries.start + v);
            let rows = scores.chunks_exact_mut(width).zip(d_scores.chunks_exact_mut(width));
            for (key, (scores, d_scores)) in keys.clone().zip(rows) {
                let probability = exp(simd, simd.sub(simd.load(&scores[v..]), lse));
                let (mut kept, mut d_kept) = (probability, simd.load(&d_scores[v..]));
                if let Some(mask) = mask {
                    let index = simd.add_bits(first, simd.splat_bits(key as u32));
                    kept = mask.apply(simd, index, kept);
                    d_kept = mask.apply(simd, index, d_kept);
                }
                simd.store(kept, &mut scores[v..]);
                simd.store(simd.mul(probability, simd.sub(d_kept, mean)), &mut d_scores[v..]);
            }
        }
        self.head.visible.hide(simd, (queries, keys), (scores, width), 0.0);
        self.head.visible.hide(simd, (queries, keys), (d_scores, width), 0.0);
    }

    /// The sum of `out * d_out` of some queries: the mean of their probabilities' gradients.
    #[inline(always)]
    fn output_means<S: Simd>(&self, simd: S, queries: &Range<usize>, means: &mut [f32]) {
        let size = self.out.cols();
        for (query, mean) in queries.clone().zip(means) {
            let (out, d_out) = (&self.out.line(query)[..size], &self.d_out.line(query)[..size]);
            let mut sum = simd.splat(0.0);
            for i in (0..size).step_by(S::LANES) {
                sum = simd.mul_add(simd.load_at(out, i), simd.load_at(d_out, i), sum);
            }
            *mean = simd.sum(sum);
        }
    }
}
