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

/// As [`order`], but rows that lie near one another stay so: for files that are read fastest from one end to the other.
///
/// The rows are cut into blocks of a sixteenth of `window`, whose order is drawn; then each `window` rows of that order
/// are shuffled. So `window` rows at a time come from sixteen places, and each row has the same chance to be first.
/// A window of no less than `n` rows is [`order`].
pub fn windowed_order(n: usize, window: usize, seed: u64, epoch: u64) -> Vec<usize> {
    if window >= n {
        return order(n, seed, epoch);
    }
    const BLOCKS: usize = 16;
    let block = (window / BLOCKS).max(1);
    let mut random = Random::stream(seed, epoch);
    let mut blocks: Vec<usize> = (0..n.div_ceil(block)).collect();
    random.shuffle(&mut blocks);
    let mut rows: Vec<usize> =
        blocks.into_iter().flat_map(|at| at * block..n.min((at + 1) * block)).collect();
    rows.chunks_mut(window.max(1)).for_each(|window| random.shuffle(window));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_every_row_once_from_few_places() {
        let rows = windowed_order(10_000, 320, 7, 1);
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10_000).collect::<Vec<_>>());
        for window in rows.chunks(320) {
            let mut blocks: Vec<usize> = window.iter().map(|row| row / 20).collect();
            blocks.sort_unstable();
            blocks.dedup();
            assert!(blocks.len() <= 17, "{blocks:?}");
        }
        assert_ne!(rows[..20], windowed_order(10_000, 320, 7, 2)[..20]);
        assert_eq!(windowed_order(8, 8, 42, 0), order(8, 42, 0));
        assert_eq!(windowed_order(3, 1, 1, 0).len(), 3);
    }

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
