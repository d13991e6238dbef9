//! Rows of tables, summed.

use crate::{
    elementwise::add_with,
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// A table, and which of its rows each output row takes.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// `[rows × cols]`
    pub table: &'a [f32],
    /// A row of the table for each row of the output.
    pub ids: &'a [u32],
}

/// `out[i] = sum over the lookups of table[ids[i]]`, summed in their order (`torch.nn.Embedding`).
///
/// # Panics
/// If there is no lookup, the lengths do not fit, or an id is beyond its table.
pub fn gather(lookups: &[Lookup], cols: usize, out: &mut [f32]) {
    gather_on(Isa::best(), lookups, cols, out);
}

fn gather_on(isa: Isa, lookups: &[Lookup], cols: usize, out: &mut [f32]) {
    assert!(lookups.iter().all(|lookup| lookup.ids.len() * cols == out.len()), "an id for each row");
    let rows = rows_per_chunk(cols);
    let chunks = out.chunks_mut((rows * cols).max(1)).enumerate();
    let chunks = chunks.map(|(i, out)| Gather { lookups, first: i * rows, cols, out });
    for_each(chunks.collect(), |chunk| isa.run(chunk));
}

struct Gather<'a> {
    lookups: &'a [Lookup<'a>],
    first: usize,
    cols: usize,
    out: &'a mut [f32],
}

impl<'a> Kernel for Gather<'a> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { lookups, first, cols, out } = self;
        for (i, out) in out.chunks_exact_mut(cols).enumerate() {
            let entry = |lookup: &Lookup<'a>| &lookup.table[lookup.ids[first + i] as usize * cols..][..cols];
            out.copy_from_slice(entry(&lookups[0]));
            lookups[1..].iter().for_each(|lookup| add_with(simd, entry(lookup), out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, values};

    #[test]
    fn rows_are_summed_in_order() {
        let (cols, n) = (21, 2000);
        let (words, positions) = (values(1, 50 * cols), values(2, 9 * cols));
        let word_ids: Vec<u32> = (0..n).map(|i| i * 7 % 50).collect();
        let position_ids: Vec<u32> = (0..n).map(|i| i % 9).collect();
        let row = |table: &[f32], id: u32, col: usize| table[id as usize * cols + col];
        let expected: Vec<f32> = (0..n as usize * cols)
            .map(|at| (at / cols, at % cols))
            .map(|(i, col)| row(&words, word_ids[i], col) + row(&positions, position_ids[i], col))
            .collect();
        let lookups =
            [Lookup { table: &words, ids: &word_ids }, Lookup { table: &positions, ids: &position_ids }];
        for isa in Isa::available() {
            let mut found = vec![0.0; expected.len()];
            gather_on(isa, &lookups, cols, &mut found);
            assert_eq!(bits(&found), bits(&expected), "{isa:?}");
        }
    }
}
