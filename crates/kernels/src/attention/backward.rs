//! The backward pass of one head of one sequence.

use std::{cell::RefCell, ops::Range};

use super::Head;
use crate::{
    MatRef, Write,
    buffer::Buffer,
    elementwise::scale_with,
    gemm::{Panel, Strips, UnpackPanel, pack_strip, panels},
    math::exp,
    simd::{Isa, Kernel, MatMut, Simd},
};

/// What the backward pass of a head reads and writes.
pub(super) struct Backward<'a> {
    pub(super) head: Head<'a>,
    /// `[tokens × size]`
    pub(super) out: MatRef<'a>,
    /// `[tokens × size]`
    pub(super) d_out: MatRef<'a>,
    /// The log-sum-exp of each query's scores.
    pub(super) lse: &'a [f32],
    /// The gradients of queries, keys and values. `[tokens × size]` each.
    pub(super) grads: [MatMut<'a>; 3],
}

pub(super) fn run(isa: Isa, task: Backward) {
    MEMORY.with_borrow_mut(|memory| isa.run(Run { task, memory }));
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    queries: Buffer,
    queries_t: Buffer,
    d_out: Buffer,
    d_out_t: Buffer,
    means: Buffer,
    panel: PanelMemory,
}

/// Memory for a panel of keys.
#[derive(Default)]
struct PanelMemory {
    operand: Buffer,
    probabilities: Buffer,
    d_scores: Buffer,
    d_scores_strips: Buffer,
    grad: Buffer,
}

struct Run<'a> {
    task: Backward<'a>,
    memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Backward { head, out, d_out, lse, grads: [mut d_query, mut d_key, mut d_value] } = self.task;
        let Memory { queries, queries_t, d_out: d_outs, d_out_t, means, panel: memory } = self.memory;
        let operands = Operands {
            lse,
            means: output_means(simd, out, d_out, means),
            queries: Strips::pack(simd, head.query, queries),
            queries_t: Strips::pack(simd, head.query.transposed(), queries_t),
            d_out: Strips::pack(simd, d_out, d_outs),
            d_out_t: Strips::pack(simd, d_out.transposed(), d_out_t),
            head,
        };
        for (keys, width) in panels::<S>(operands.head.len()) {
            operands.scores(simd, keys.clone(), width, memory);
            let size = 0..operands.head.size();
            operands.add_d_query(simd, keys.clone(), &mut d_query, memory);
            let p = Panel { data: memory.probabilities.as_slice(), width };
            grad_rows(
                simd,
                &operands.d_out_t,
                p,
                d_value.window(keys.clone(), size.clone()),
                &mut memory.grad,
            );
            let d = Panel { data: memory.d_scores.as_slice(), width };
            grad_rows(simd, &operands.queries_t, d, d_key.window(keys, size), &mut memory.grad);
        }
    }
}

/// What all panels of keys read.
struct Operands<'a> {
    head: Head<'a>,
    lse: &'a [f32],
    // The sum of `out * d_out` of each query: the mean of its probabilities' gradients.
    means: &'a [f32],
    queries: Strips<'a>,
    queries_t: Strips<'a>,
    d_out: Strips<'a>,
    d_out_t: Strips<'a>,
}

impl Operands<'_> {
    /// The probabilities of a panel of keys, after dropout, and the gradients of their scores.
    /// `[queries × keys]` each.
    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, keys: Range<usize>, width: usize, memory: &mut PanelMemory) {
        let (len, size, scale) = (self.head.len(), self.head.size(), self.head.scale);
        let panel = memory.operand.resize(size * width);
        pack_strip(simd, self.head.key.row_range(keys.clone()), panel, width);
        scale_with(simd, panel, scale);
        let probabilities = memory.probabilities.resize(len * width);
        let product = MatMut::new(probabilities, len, width);
        self.queries.times(simd, &Panel { data: panel, width }, product, Write::Overwrite);

        pack_strip(simd, self.head.value.row_range(keys.clone()), panel, width);
        let d_scores = memory.d_scores.resize(len * width);
        let product = MatMut::new(d_scores, len, width);
        self.d_out.times(simd, &Panel { data: panel, width }, product, Write::Overwrite);

        let mask = self.head.mask(simd);
        let rows = probabilities.chunks_exact_mut(width).zip(d_scores.chunks_exact_mut(width));
        for (query, (probabilities, d_scores)) in rows.enumerate() {
            let (lse, mean) = (simd.splat(self.lse[query]), simd.splat(self.means[query]));
            for v in (0..width).step_by(S::LANES) {
                let probability = exp(simd, simd.sub(simd.load_at(probabilities, v), lse));
                let (mut kept, mut d_kept) = (probability, simd.load_at(d_scores, v));
                if let Some(mask) = mask {
                    let first = (query * len + keys.start + v) as u32;
                    let index = simd.add_bits(simd.lane_numbers(), simd.splat_bits(first));
                    kept = mask.apply(simd, index, kept);
                    d_kept = mask.apply(simd, index, d_kept);
                }
                let d_score = simd.mul(simd.mul(probability, simd.splat(scale)), simd.sub(d_kept, mean));
                simd.store_at(kept, probabilities, v);
                simd.store_at(d_score, d_scores, v);
            }
        }
    }

    /// `d_query = d_scores * key`, a panel of keys after the other.
    #[inline(always)]
    fn add_d_query<S: Simd>(
        &self,
        simd: S,
        keys: Range<usize>,
        d_query: &mut MatMut,
        memory: &mut PanelMemory,
    ) {
        let write = if keys.start == 0 { Write::Overwrite } else { Write::Add };
        let d_scores = memory.d_scores.as_slice();
        let d_scores = MatRef::new(d_scores, self.head.len(), d_scores.len() / self.head.len());
        let strips = d_scores.col_range(0..keys.len());
        let strips = Strips::pack(simd, strips, &mut memory.d_scores_strips);
        for (cols, width) in panels::<S>(self.head.size()) {
            let panel = memory.operand.resize(keys.len() * width);
            let key = self.head.key.row_range(keys.clone()).col_range(cols.clone());
            pack_strip(simd, key.transposed(), panel, width);
            let d_query = d_query.window(0..self.head.len(), cols);
            strips.times(simd, &Panel { data: panel, width }, d_query, write);
        }
    }
}

/// The gradient of a panel's keys or values: the product of transposed rows of all queries and of the panel.
#[inline(always)]
fn grad_rows<S: Simd>(simd: S, rows_t: &Strips, panel: Panel, grad: MatMut, memory: &mut Buffer) {
    let grad_t = memory.resize(grad.cols() * panel.width);
    let product = MatMut::new(grad_t, grad.cols(), panel.width);
    rows_t.times(simd, &panel, product, Write::Overwrite);
    let from = Panel { data: grad_t, width: panel.width };
    simd.call(UnpackPanel { from, to: grad });
}

/// The sum of `out * d_out` of each row.
#[inline(always)]
fn output_means<'a, S: Simd>(simd: S, out: MatRef, d_out: MatRef, memory: &'a mut Buffer) -> &'a [f32] {
    let means = memory.resize(out.rows());
    for (row, mean) in means.iter_mut().enumerate() {
        let (out, d_out) = (&out.line(row)[..out.cols()], &d_out.line(row)[..d_out.cols()]);
        let mut sum = simd.splat(0.0);
        for i in (0..out.len()).step_by(S::LANES) {
            sum = simd.mul_add(simd.load_at(out, i), simd.load_at(d_out, i), sum);
        }
        *mean = simd.sum(sum);
    }
    means
}
