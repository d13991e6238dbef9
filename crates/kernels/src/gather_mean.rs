//! Means of rows of a table.

use crate::{
    elementwise::{add_with, scale_with},
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// `out[i] = mean of table[id] over the ids from ends[i] up to ends[i + 1]`, zero if there are none
/// (`torch.nn.EmbeddingBag`). Rows are summed in their order, and the sum is divided.
///
/// # Panics
/// If the lengths do not fit, or an id is beyond the table.
pub fn gather_mean(table: &[f32], ids: &[u32], ends: &[usize], cols: usize, out: &mut [f32]) {
    gather_mean_on(Isa::best(), (table, cols), (ids, ends), out);
}

fn gather_mean_on(
    isa: Isa,
    (table, cols): (&[f32], usize),
    (ids, ends): (&[u32], &[usize]),
    out: &mut [f32],
) {
    let n = ends.len() - 1;
    assert_eq!(out.len(), n * cols, "a row for each two ends");
    let rows = rows_per_chunk(cols * ids.len().div_ceil(n.max(1)));
    let chunks = out.chunks_mut((rows * cols).max(1)).enumerate();
    let chunks = chunks.map(|(i, out)| GatherMean { table, ids, ends: &ends[i * rows..], cols, out });
    for_each(chunks.collect(), |chunk| isa.run(chunk));
}

struct GatherMean<'a> {
    table: &'a [f32],
    ids: &'a [u32],
    ends: &'a [usize],
    cols: usize,
    out: &'a mut [f32],
}

impl Kernel for GatherMean<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { table, ids, ends, cols, out } = self;
        for (ends, out) in ends.windows(2).zip(out.chunks_exact_mut(cols)) {
            let ids = &ids[ends[0]..ends[1]];
            let row = |id: u32| &table[id as usize * cols..][..cols];
            match ids.split_first() {
                None => out.fill(0.0),
                Some((first, rest)) => {
                    out.copy_from_slice(row(*first));
                    rest.iter().for_each(|&id| add_with(simd, row(id), out));
                    scale_with(simd, out, 1.0 / ids.len() as f32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, values};

    #[test]
    fn means_are_sums_in_order_divided() {
        for (cols, n) in [(21, 700), (1, 3), (256, 40)] {
            let table = values(1, 50 * cols);
            let ends: Vec<usize> = (0..=n).map(|i| i * (i + 1) / 2 % 7 + i * 7).collect();
            let ids: Vec<u32> = (0..*ends.last().unwrap() as u32).map(|i| i * 7 % 50).collect();
            let mean = |span: &[usize], col: usize| {
                let ids = &ids[span[0]..span[1]];
                let sum = ids.iter().fold(0.0, |sum, &id| sum + table[id as usize * cols + col]);
                if ids.is_empty() { 0.0 } else { sum * (1.0 / ids.len() as f32) }
            };
            let expected: Vec<f32> = ends
                .windows(2)
                .flat_map(|span| (0..cols).map(move |col| (span, col)))
                .map(|(s, c)| mean(s, c))
                .collect();
            for isa in Isa::available() {
                let mut found = vec![f32::NAN; expected.len()];
                gather_mean_on(isa, (&table, cols), (&ids, &ends), &mut found);
                assert_eq!(bits(&found), bits(&expected), "{isa:?}");
            }
        }
    }

    #[test]
    fn nothing_has_the_mean_zero() {
        let mut out = [1.0; 4];
        gather_mean(&[5.0, 6.0], &[0], &[0, 0, 1], 2, &mut out);
        assert_eq!(out, [0.0, 0.0, 5.0, 6.0]);
        gather_mean(&[5.0, 6.0], &[], &[0], 2, &mut []);
    }
}
