//! The order in which the rows of a data set are seen.

use crate::random::Random;

/// A permutation of `0..n` that follows from `seed` and `epoch` alone, on every platform.
///
/// ```
/// use umbel::data::shuffle::order;
/// let mut rows = order(5, 42, 0);
/// assert_eq!(rows, order(5, 42, 0));
/// rows.sort();
/// assert_eq!(rows, [0, 1, 2, 3, 4]);
/// ```
pub fn order(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    Random::stream(seed, epoch).shuffle(&mut rows);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_never_changes_between_versions() {
        assert_eq!(order(8, 42, 0), [5, 1, 7, 0, 3, 4, 2, 6]);
    }

    #[test]
    fn seeds_and_epochs_give_other_orders() {
        assert_ne!(order(50, 42, 0), order(50, 42, 1));
        assert_ne!(order(50, 42, 0), order(50, 43, 0));
    }

    #[test]
    fn no_rows_have_an_order() {
        assert!(order(0, 42, 0).is_empty());
    }
}
