//! The forward pass of a head.

use std::cell::RefCell;

use super::{
    Disentangled,
    distances::{Half, Order, Panels, spread},
};
use crate::{
    MatRef, Write,
    attention::{Left, product},
    buffer::Buffer,
    elementwise::add_with,
    gemm::{pack_strip, panels},
    simd::{Isa, Kernel, MatMut, Simd},
};

/// One head of all sequences.
pub(super) struct Forward<'a> {
    pub(super) shape: &'a Disentangled<'a>,
    /// Queries with keys of distances, and keys with queries of distances.
    pub(super) halves: [Option<Half<'a>>; 2],
    /// Of each sequence. `[queries × keys]`
    pub(super) bias: Vec<&'a mut [f32]>,
}

pub(super) fn run(isa: Isa, task: Forward) {
    MEMORY.with_borrow_mut(|memory| isa.run(Run { task, memory }));
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    spread: Buffer,
    panels: Buffer,
    square: Buffer,
    block: BlockMemory,
}

/// Memory for a block of contents.
#[derive(Default)]
struct BlockMemory {
    contents: Buffer,
    scores: Buffer,
}

struct Run<'a> {
    task: Forward<'a>,
    memory: &'a mut Memory,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { shape, halves: [of_queries, of_keys], mut bias } = self.task;
        let Memory { spread: spread_memory, panels, square, block } = self.memory;
        if let Some(Half { content, positions }) = of_keys {
            let distances = spread(simd, shape, (positions, Order::FromKey), spread_memory);
            let distances = Panels::pack(simd, distances, panels);
            for (rows, bias) in shape.sequences().zip(&mut bias) {
                // [keys × queries]
                let square = square.resize(bias.len());
                let head = Head { content: content.row_range(rows.clone()), distances: &distances, shape };
                head.scores(simd, (square, Write::Overwrite), block);
                pack_strip(simd, MatRef::new(square, rows.len(), rows.len()), bias, rows.len());
            }
        }
        if let Some(Half { content, positions }) = of_queries {
            let distances = spread(simd, shape, (positions, Order::FromQuery), spread_memory);
            let distances = Panels::pack(simd, distances, panels);
            let write = if of_keys.is_some() { Write::Add } else { Write::Overwrite };
            for (rows, bias) in shape.sequences().zip(&mut bias) {
                let head = Head { content: content.row_range(rows), distances: &distances, shape };
                head.scores(simd, (bias, write), block);
            }
        }
    }
}

/// One half of a head of one sequence.
struct Head<'a> {
    content: MatRef<'a>,
    distances: &'a Panels<'a>,
    shape: &'a Disentangled<'a>,
}

impl Head<'_> {
    /// `out[i][j] = content_i * distance_(j - i)`
    ///
    /// A block of contents is multiplied with all distances that it meets; in row i of the products those to the
    /// tokens 0, 1, … lie side by side.
    #[inline(always)]
    fn scores<S: Simd>(&self, simd: S, (out, write): (&mut [f32], Write), memory: &mut BlockMemory) {
        let (len, zero) = (self.content.rows(), self.shape.rows.len() / 2);
        let contents = Left::pack(simd, self.content, &mut memory.contents);
        for (block, _) in panels::<S>(len) {
            let columns = self.distances.around(zero + 1 - block.end..zero + len - block.start);
            let width = columns.len();
            let scores = memory.scores.resize(block.len() * width);
            let mut c = MatMut::new(scores, block.len(), width);
            for (place, panel) in self.distances.columns(columns.clone()) {
                let c = c.window(0..block.len(), place);
                product(simd, (&contents, block.clone()), panel, c, Write::Overwrite);
            }
            for (i, scores) in block.zip(scores.chunks_exact(width)) {
                let scores = &scores[zero - i - columns.start..][..len];
                let out = &mut out[i * len..][..len];
                match write {
                    Write::Overwrite => out.copy_from_slice(scores),
                    Write::Add => add_with(simd, scores, out),
                }
            }
        }
    }
}
