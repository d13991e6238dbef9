//! Sums over many values, in an order that does not depend on the number of threads.

use crate::reference;

/// `into[c] += sum over the rows of x[row][c]`: the gradient of a bias.
///
/// # Panics
/// If `into` does not hold `cols` values, or `x` no whole rows.
pub fn column_sums(x: &[f32], cols: usize, into: &mut [f32]) {
    assert_eq!(into.len(), cols, "one sum a column");
    reference::column_sums(x, cols, into);
}

/// The sum of the squares.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    reference::sum_of_squares(x)
}
