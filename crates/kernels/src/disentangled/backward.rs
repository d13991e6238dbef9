//! The backward pass of a head.

use std::cell::RefCell;

use super::{
    Disentangled,
    distances::{Half, Order, spread},
};
use crate::{
    MatRef, Write,
    attention::{Left, Right, product},
    buffer::Buffer,
    gemm::{pack_strip, panels},
    simd::{Isa, Kernel, MatMut, Simd},
};

/// One head of all sequences.
pub(super) struct Backward<'a> {
    pub(super) shape: &'a Disentangled<'a>,
    /// Queries with keys of distances, and keys with queries of distances.
    pub(super) halves: [Option<Half<'a>>; 2],
    /// Of each sequence. `[queries × keys]`
    pub(super) d_bias: Vec<&'a [f32]>,
    /// Those of each half's contents and positions, which are added to.
    pub(super) grads: [Option<(MatMut<'a>, MatMut<'a>)>; 2],
}

pub(super) fn run(isa: Isa, task: Backward) {
    MEMORY.with_borrow_mut(|memory| isa.run(Run { task, memory }));
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    spread: Buffer,
    spread_tail: Buffer,
    d_spread: Buffer,
    square: Buffer,
    sequence: SequenceMemory,
}

/// Memory for one sequence.
#[derive(Default)]
struct SequenceMemory {
    content_tail: Buffer,
    d_scores: Buffer,
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
        let Backward { shape, halves, d_bias, grads } = self.task;
        let orders = [Order::FromQuery, Order::FromKey];
        for ((half, grads), order) in halves.into_iter().zip(grads).zip(orders) {
            if let (Some(half), Some(grads)) = (half, grads) {
                run_half(simd, shape, (half, order), &d_bias, grads, self.memory);
            }
        }
    }
}

#[inline(always)]
fn run_half<S: Simd>(
    simd: S,
    shape: &Disentangled,
    (half, order): (Half, Order),
    d_bias: &[&[f32]],
    (mut d_content, mut d_positions): (MatMut, MatMut),
    memory: &mut Memory,
) {
    let distances = spread(simd, shape, (half.positions, order), &mut memory.spread);
    let (n, size) = (distances.rows(), distances.cols());
    let distances = Right::new(simd, distances, &mut memory.spread_tail);
    let d_distances = memory.d_spread.resize(n * size);
    d_distances.fill(0.0);
    let mut d_rows = MatMut::new(d_distances, n, size);
    for (rows, d_bias) in shape.sequences().zip(d_bias) {
        let len = rows.len();
        let mut d_out = MatRef::new(d_bias, len, len);
        if order == Order::FromKey {
            let square = memory.square.resize(len * len);
            pack_strip(simd, d_out, square, len);
            d_out = MatRef::new(square, len, len);
        }
        let sequence = Sequence { content: half.content.row_range(rows.clone()), distances, d_out };
        let d_content = d_content.window(rows, 0..size);
        sequence.run(simd, n / 2, (d_content, d_rows.whole()), &mut memory.sequence);
    }
    for (idx, d_distance) in d_distances.chunks_exact(size).enumerate() {
        let d_position = d_positions.row(shape.row(order, idx));
        d_position.iter_mut().zip(d_distance).for_each(|(sum, d)| *sum += d * shape.scale);
    }
}

/// One half of a head of one sequence.
struct Sequence<'a> {
    /// `[tokens × size]`
    content: MatRef<'a>,
    /// Times the scale. `[distances × size]`
    distances: Right<'a>,
    /// `[contents × other tokens]`
    d_out: MatRef<'a>,
}

impl Sequence<'_> {
    /// A block of contents at a time, with the gradients of its scores by distance; adds to both gradients, to that
    /// of the distances without the scale.
    #[inline(always)]
    fn run<S: Simd>(
        &self,
        simd: S,
        zero: usize,
        (mut d_content, mut d_distances): (MatMut, MatMut),
        memory: &mut SequenceMemory,
    ) {
        let (len, size) = (self.content.rows(), self.content.cols());
        let content = Right::new(simd, self.content, &mut memory.content_tail);
        for (block, _) in panels::<S>(len) {
            let met = zero + 1 - block.end..zero + len - block.start;
            let d_scores = memory.d_scores.resize(block.len() * met.len());
            d_scores.fill(0.0);
            for (i, d_scores) in block.clone().zip(d_scores.chunks_exact_mut(met.len())) {
                d_scores[block.end - 1 - i..][..len].copy_from_slice(&self.d_out.line(i)[..len]);
            }
            let d_scores = MatRef::new(d_scores, block.len(), met.len());

            let left = Left::pack(simd, d_scores, &mut memory.packed);
            let c = d_content.window(block.clone(), 0..size);
            product(simd, (&left, 0..block.len()), self.distances.row_range(met.clone()), c, Write::Add);
            let left = Left::pack(simd, d_scores.transposed(), &mut memory.packed);
            let c = d_distances.window(met.clone(), 0..size);
            product(simd, (&left, 0..met.len()), content.row_range(block), c, Write::Add);
        }
    }
}
