//! What all tasks read, and one head of one sequence of it.

use std::ops::Range;

use super::{Attention, Bias, Visible, bias::HeadBias};
use crate::{
    Dropout, MatRef, Write,
    buffer::Buffer,
    dropout::Mask,
    elementwise::scale_with,
    gemm::pack_strip,
    simd::{MatMut, Simd},
};

use super::operands::{Left, Right, product};

/// What all tasks read.
pub(super) struct Inputs<'a> {
    pub(super) attention: &'a Attention<'a>,
    // `[tokens × (heads + 2 * kv_heads) * size]`
    qkv: MatRef<'a>,
    // Where each sequence's block of a dense bias starts.
    blocks: Vec<usize>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(attention: &'a Attention, qkv: &'a [f32]) -> Self {
        let Attention { n_heads, n_kv_heads, .. } = *attention;
        assert!(n_kv_heads > 0 && n_heads % n_kv_heads == 0, "{n_heads} heads of {n_kv_heads} of keys");
        assert!(attention.head_size > 0, "heads have columns");
        let qkv = MatRef::new(qkv, attention.n_tokens(), attention.qkv_width());
        let mut blocks = Vec::new();
        match attention.bias {
            None => {}
            Some(Bias::ByDistance(table)) => {
                assert_eq!(table.len() / n_heads % 2, 1, "distances to both sides and 0");
                assert_eq!(table.len() % n_heads, 0, "a row for each head");
            }
            Some(Bias::Dense(bias)) => {
                let mut end = 0;
                for rows in attention.sequences() {
                    blocks.push(end);
                    end += n_heads * rows.len().pow(2);
                }
                assert_eq!(bias.len(), end, "a bias for each score");
            }
        }
        Self { attention, qkv, blocks }
    }

    /// The rows of some sequences, and their numbers.
    pub(super) fn sequences(&self, sequences: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let cu_seqlens = self.attention.cu_seqlens;
        sequences.clone().map(|sequence| (sequence, cu_seqlens[sequence]..cu_seqlens[sequence + 1]))
    }

    /// The keys and values that a head of some rows reads.
    pub(super) fn keys_and_values(&self, rows: &Range<usize>, kv_head: usize) -> [MatRef<'a>; 2] {
        let Attention { n_heads, n_kv_heads, .. } = *self.attention;
        [n_heads + kv_head, n_heads + n_kv_heads + kv_head].map(|head| self.columns(rows, head))
    }

    /// A head of a sequence that has some rows.
    pub(super) fn head(&self, sequence: usize, rows: &Range<usize>, head: usize) -> Head<'a> {
        let Attention { n_heads, scale, visible, dropout, .. } = *self.attention;
        // Each head of each sequence has a seed of its own.
        let place = (rows.start * n_heads + head) as u64 + 1;
        let dropout = dropout.map(|dropout| Dropout {
            seed: dropout.seed.wrapping_add(place.wrapping_mul(0xD1B5_4A32_D192_ED03)),
            ..dropout
        });
        let bias = self.attention.bias.map(|bias| match bias {
            Bias::ByDistance(table) => {
                let width = table.len() / n_heads;
                HeadBias::ByDistance(&table[head * width..][..width])
            }
            Bias::Dense(bias) => {
                let len = rows.len();
                let bias = &bias[self.blocks[sequence] + head * len * len..][..len * len];
                HeadBias::Dense(MatRef::new(bias, len, len))
            }
        });
        Head { query: self.columns(rows, head), scale, visible, bias, dropout }
    }

    fn columns(&self, rows: &Range<usize>, head: usize) -> MatRef<'a> {
        let size = self.attention.head_size;
        self.qkv.row_range(rows.clone()).col_range(head * size..(head + 1) * size)
    }
}

/// The queries of one head of one sequence, and what becomes of their scores.
pub(super) struct Head<'a> {
    /// `[tokens × size]`
    pub(super) query: MatRef<'a>,
    pub(super) scale: f32,
    pub(super) visible: Visible,
    pub(super) bias: Option<HeadBias<'a>>,
    pub(super) dropout: Option<Dropout>,
}

impl Head<'_> {
    pub(super) fn len(&self) -> usize {
        self.query.rows()
    }

    /// The scores of a panel of queries, `[keys × width]`: each row holds those of one key.
    #[inline(always)]
    pub(super) fn scores<'m, S: Simd>(
        &self,
        simd: S,
        key: &Left,
        (queries, keys, width): (&Range<usize>, &Range<usize>, usize),
        memory: &'m mut ScoreMemory,
    ) -> &'m mut [f32] {
        let panel = memory.queries.resize(self.query.cols() * width);
        pack_strip(simd, self.query.row_range(queries.clone()), panel, width);
        scale_with(simd, panel, self.scale);
        let scores = memory.scores.resize(keys.len() * width);
        let mut write = Write::Overwrite;
        if let Some(bias) = self.bias {
            bias.write(simd, (queries, keys), (scores, width), &mut memory.diagonals);
            write = Write::Add;
        }
        let c = MatMut::new(scores, keys.len(), width);
        product(simd, (key, keys.clone()), Right::panel(panel, width), c, write);
        scores
    }

    /// Decides which probabilities are kept; the one of query i and key j has the index `i * len + j`.
    #[inline(always)]
    pub(super) fn mask<S: Simd>(&self, simd: S) -> Option<Mask<S>> {
        self.dropout.map(|dropout| Mask::new(simd, dropout, 0))
    }

    /// The index of the probability of key 0 and each of a vector of queries.
    #[inline(always)]
    pub(super) fn mask_index<S: Simd>(&self, simd: S, first_query: usize) -> S::U {
        let queries = simd.add_bits(simd.lane_numbers(), simd.splat_bits(first_query as u32));
        simd.mul_bits(queries, simd.splat_bits(self.len() as u32))
    }
}

/// Memory for a panel of scores.
#[derive(Default)]
pub(super) struct ScoreMemory {
    queries: Buffer,
    scores: Buffer,
    diagonals: Buffer,
}
