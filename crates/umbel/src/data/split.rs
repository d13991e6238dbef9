//! Holding out a part of the rows for validation.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::random::Random;

/// Splits rows into training and validation rows, each in ascending order, so that every stratum gives its
/// share.
///
/// `strata` has an id a row (as its class), or none where it has no label; rows without one are a stratum
/// too. `fraction` of all rows is held out, rounded, but at least one and never all; where the strata's
/// shares are not whole, the largest remainders get a row more, and strata of a single row come last. With
/// fewer than two rows nothing is held out.
///
/// ```
/// use umbel::data::split::hold_out;
/// let classes = [Some(0), Some(1), Some(0), Some(1), None, None];
/// let (train, validation) = hold_out(&classes, 0.5, 42);
/// assert_eq!((train.len(), validation.len()), (3, 3));
/// ```
pub fn hold_out(strata: &[Option<usize>], fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let n = strata.len();
    if n < 2 {
        return ((0..n).collect(), Vec::new());
    }
    let n_held = ((n as f64 * fraction).round() as usize).clamp(1, n - 1);

    let mut members: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    strata.iter().enumerate().for_each(|(row, stratum)| members.entry(*stratum).or_default().push(row));
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();

    let mut random = Random::new(seed);
    let mut is_held = vec![false; n];
    for (rows, share) in members.iter_mut().zip(shares(&sizes, n_held)) {
        random.shuffle(rows);
        rows[..share].iter().for_each(|&row| is_held[row] = true);
    }
    (0..n).partition(|&row| !is_held[row])
}

/// How many of `n_held` rows each stratum gives: its whole share, then one more for the largest remainders.
fn shares(sizes: &[usize], n_held: usize) -> Vec<usize> {
    let n: usize = sizes.iter().sum();
    let mut shares: Vec<usize> = sizes.iter().map(|size| size * n_held / n).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| (sizes[i] == 1, Reverse(sizes[i] * n_held % n), i));
    let left = n_held - shares.iter().sum::<usize>();
    order[..left].iter().for_each(|&i| shares[i] += 1);
    shares
}

/// The quantile bin of each value, from 0 to `n_bins - 1`: the strata of rows whose label is a number.
///
/// Bins are as large as one another; equal values share the bin of the first of them.
///
/// # Panics
/// If `n_bins` is 0.
pub fn quantile_bins(values: &[Option<f32>], n_bins: usize) -> Vec<Option<usize>> {
    assert!(n_bins > 0, "values fall into at least one bin");
    let mut sorted: Vec<f32> = values.iter().flatten().copied().collect();
    sorted.sort_by(f32::total_cmp);
    let rank = |value: f32| sorted.partition_point(|other| other.total_cmp(&value).is_lt());
    values.iter().map(|value| value.map(|value| rank(value) * n_bins / sorted.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(strata: &[Option<usize>], fraction: f64, expected: &[(Option<usize>, usize)]) {
        let (train, validation) = hold_out(strata, fraction, 7);
        let mut all = [train, validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..strata.len()).collect::<Vec<_>>());
        for (stratum, n) in expected {
            let held = validation.iter().filter(|&&row| strata[row] == *stratum).count();
            assert_eq!(held, *n, "rows of {stratum:?}");
        }
    }

    fn strata(counts: &[(Option<usize>, usize)]) -> Vec<Option<usize>> {
        counts.iter().flat_map(|&(stratum, n)| vec![stratum; n]).collect()
    }

    #[test]
    fn each_stratum_gives_its_share() {
        let rows = strata(&[(Some(0), 80), (Some(1), 20), (None, 40)]);
        check(&rows, 0.1, &[(Some(0), 8), (Some(1), 2), (None, 4)]);
    }

    #[test]
    fn a_single_row_stays_in_training() {
        check(&strata(&[(Some(0), 3), (Some(1), 1)]), 0.5, &[(Some(0), 2), (Some(1), 0)]);
    }

    #[test]
    fn at_least_one_row_is_held_out_and_never_all() {
        check(&strata(&[(Some(0), 2)]), 0.0, &[(Some(0), 1)]);
        check(&strata(&[(Some(0), 2)]), 1.0, &[(Some(0), 1)]);
        check(&strata(&[(Some(0), 1)]), 0.5, &[(Some(0), 0)]);
        check(&[], 0.5, &[]);
    }

    #[test]
    fn the_seed_decides_which_rows() {
        let rows = vec![None; 100];
        assert_eq!(hold_out(&rows, 0.2, 1), hold_out(&rows, 0.2, 1));
        assert_ne!(hold_out(&rows, 0.2, 1), hold_out(&rows, 0.2, 2));
    }

    #[test]
    fn values_fall_into_bins_of_like_size() {
        let values = [Some(5.0), None, Some(1.0), Some(3.0), Some(2.0)];
        assert_eq!(quantile_bins(&values, 2), [Some(1), None, Some(0), Some(1), Some(0)]);
        assert_eq!(quantile_bins(&[Some(1.0), Some(1.0)], 2), [Some(0), Some(0)]);
        assert_eq!(quantile_bins(&[None], 2), [None]);
    }
}
