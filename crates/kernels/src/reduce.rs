//! Sums over many values, in an order that does not depend on the number of threads.

use crate::{
    elementwise::add_with,
    parallel::{CHUNK, for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// `into[c] += sum over the rows of x[row][c]`: the gradient of a bias.
///
/// # Panics
/// If `into` does not hold `cols` values, or `x` no whole rows.
pub fn column_sums(x: &[f32], cols: usize, into: &mut [f32]) {
    column_sums_on(Isa::best(), x, cols, into);
}

/// The sum of the squares.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    sum_of_squares_on(Isa::best(), x)
}

fn column_sums_on(isa: Isa, x: &[f32], cols: usize, into: &mut [f32]) {
    assert_eq!(into.len(), cols, "one sum a column");
    if x.is_empty() {
        return;
    }
    assert_eq!(x.len() % cols, 0, "rows of {cols} columns");
    let step = rows_per_chunk(cols) * cols;
    let mut sums = vec![0.0; x.len().div_ceil(step) * cols];
    let chunks = x.chunks(step).zip(sums.chunks_exact_mut(cols));
    for_each(chunks.map(|(x, into)| AddRows { x, into }).collect(), |chunk| isa.run(chunk));
    isa.run(AddRows { x: &sums, into });
}

fn sum_of_squares_on(isa: Isa, x: &[f32]) -> f64 {
    let mut sums = vec![0.0; x.len().div_ceil(CHUNK)];
    for_each(x.chunks(CHUNK).zip(&mut sums).collect(), |(x, sum)| *sum = isa.run(SumOfSquares { x }));
    sums.iter().sum()
}

/// Adds each row of `x` to `into`, in their order.
struct AddRows<'a> {
    x: &'a [f32],
    into: &'a mut [f32],
}

impl Kernel for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.x.chunks_exact(self.into.len()) {
            add_with(simd, x, self.into);
        }
    }
}

struct SumOfSquares<'a> {
    x: &'a [f32],
}

impl Kernel for SumOfSquares<'_> {
    type Output = f64;

    /// In f32 over a few vectors, then in f64.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let mut total = 0.0;
        for x in self.x.chunks(64 * S::LANES) {
            let mut sum = simd.splat(0.0);
            for i in (0..x.len()).step_by(S::LANES) {
                let x = simd.load_at(x, i);
                sum = simd.mul_add(x, x, sum);
            }
            total += f64::from(simd.sum(sum));
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        reference,
        testing::{assert_close, bits, length, values, with_threads},
    };

    proptest! {
        #[test]
        fn sums_match_reference(rows in length(), cols in length()) {
            let (x, into) = (values(1, rows * cols), values(2, cols));
            let mut expected = into.clone();
            reference::column_sums(&x, cols, &mut expected);
            let squares = reference::sum_of_squares(&x);
            for isa in Isa::available() {
                let mut found = into.clone();
                column_sums_on(isa, &x, cols, &mut found);
                assert_close(isa.name(), &found, &expected, 2e-5); // 129 roundings of sums below 30
                let found = sum_of_squares_on(isa, &x);
                // 64 terms a lane before f64 takes over.
                prop_assert!((found - squares).abs() <= 1e-6 * squares, "{isa:?}: {found} is not {squares}");
            }
        }
    }

    #[test]
    fn sums_do_not_depend_on_threads() {
        let x = values(1, 300_000);
        let sums = |n| {
            with_threads(n, || {
                let mut into = vec![0.0; 300];
                column_sums(&x, 300, &mut into);
                (bits(&into), sum_of_squares(&x).to_bits())
            })
        };
        assert_eq!(sums(1), sums(2));
    }
}
