//! Which rows make up which batch, known before the first step.

use super::cycle::Cycle;
use super::groups::Groups;
use crate::random::{Random, derive};
use crate::sampling::{self, Epoch, Order, Sampling};
use crate::settings::TrainSettings;

/// Which rows make up which batch of each epoch; it follows from the settings, the rows' groups and their lengths
/// alone.
#[derive(Debug)]
pub(super) struct Plan {
    seed: u64,
    n_epochs: usize,
    batch_size: usize,
    batch_tokens: Option<usize>,
    gradient_accumulation: usize,
    // Tokens of each row.
    lengths: Vec<usize>,
    // Rows of an epoch.
    n_rows: usize,
    sampling: Box<dyn Sampling>,
    // The rows of each group, of which none is empty.
    groups: Vec<Cycle>,
    sizes: Vec<usize>,
    weights: Vec<f64>,
}

/// The rows of one batch.
pub(super) type Rows = Vec<usize>;

/// In which order groups follow one another is drawn apart from the order within each.
const TURNS: u64 = 0x7475_726e_7300;

impl Plan {
    /// The plan for rows of those lengths, in tokens.
    pub(super) fn new(settings: &TrainSettings, groups: Groups, lengths: Vec<usize>) -> Self {
        let is_one = groups.rows.len() == 1;
        let cycle = |(i, rows): (usize, Vec<usize>)| {
            // One group has the order of its rows from the seed itself.
            let seed = if is_one { settings.seed } else { derive(settings.seed, i as u64) };
            let cycle = match &groups.copies {
                Some(copies) => Cycle::with_copies(rows, copies, seed),
                None => Cycle::new(rows, seed),
            };
            cycle.within(settings.shuffle_window.unwrap_or(usize::MAX))
        };
        Self {
            seed: settings.seed,
            n_epochs: settings.epochs,
            batch_size: settings.batch_size,
            batch_tokens: settings.batch_tokens,
            gradient_accumulation: settings.gradient_accumulation,
            lengths,
            n_rows: groups.n_rows,
            sampling: groups.sampling,
            sizes: groups.rows.iter().map(Vec::len).collect(),
            weights: groups.weights,
            groups: groups.rows.into_iter().enumerate().map(cycle).collect(),
        }
    }

    /// The steps of an epoch, each the batches whose gradients are taken together.
    pub(super) fn steps(&self, epoch: usize) -> Vec<Vec<Rows>> {
        let order = self.rows(epoch);
        let batches = match self.batch_tokens {
            Some(budget) => self.by_tokens(&order, budget),
            None => order.chunks(self.batch_size).map(<[usize]>::to_vec).collect(),
        };
        batches.chunks(self.gradient_accumulation).map(<[Rows]>::to_vec).collect()
    }

    /// How many steps the first `epochs` epochs have.
    pub(super) fn n_steps(&self, epochs: usize) -> usize {
        (0..epochs).map(|epoch| self.steps(epoch).len()).sum()
    }

    /// The rows that come in an epoch, each once, in ascending order.
    pub(super) fn distinct_rows(&self, epoch: usize) -> Vec<usize> {
        let mut rows = self.rows(epoch);
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The rows of an epoch in their order; with a sampling, or copies of rows, some come more than once.
    ///
    /// A group goes on where the epoch before left it, so that all its rows come before any comes again.
    fn rows(&self, epoch: usize) -> Rows {
        let mut starts = vec![0; self.groups.len()];
        for earlier in 0..epoch {
            starts.iter_mut().zip(self.quotas(earlier)).for_each(|(start, n)| *start += n);
        }
        let quotas = self.quotas(epoch);
        let drawn = self.groups.iter().zip(starts).zip(&quotas);
        let mut drawn: Vec<Rows> = drawn.map(|((group, start), &n)| group.draw(start, n)).collect();
        match self.sampling.order() {
            _ if drawn.len() == 1 => drawn.swap_remove(0),
            Order::RoundRobin => merged(&drawn, round_robin(&quotas)),
            Order::Plain | Order::Random => {
                let repeated = quotas.iter().enumerate().map(|(group, &n)| std::iter::repeat_n(group, n));
                let mut turns: Vec<usize> = repeated.flatten().collect();
                Random::stream(derive(self.seed, TURNS), epoch as u64).shuffle(&mut turns);
                merged(&drawn, turns)
            }
        }
    }

    /// How many rows of each group come in an epoch.
    pub(super) fn quotas(&self, epoch: usize) -> Vec<usize> {
        let known = Epoch { sizes: &self.sizes, weights: &self.weights, epoch, n_epochs: self.n_epochs };
        sampling::quotas(&self.sampling.shares(&known), self.n_rows)
    }

    /// Batches of at most `budget` tokens, in the given order; a longer row is a batch of its own.
    fn by_tokens(&self, order: &[usize], budget: usize) -> Vec<Rows> {
        let mut batches: Vec<Rows> = Vec::new();
        let mut room = 0;
        for &row in order {
            let length = self.lengths[row];
            if batches.is_empty() || length > room {
                batches.push(Vec::new());
                room = budget.max(length);
            }
            room -= length;
            batches.last_mut().expect("one was just pushed").push(row);
        }
        batches
    }
}

/// The rows of all groups, in the order of the groups' turns.
fn merged(groups: &[Rows], turns: Vec<usize>) -> Rows {
    let mut groups: Vec<_> = groups.iter().map(|rows| rows.iter().copied()).collect();
    turns.into_iter().filter_map(|group| groups[group].next()).collect()
}

/// Whose turn it is, so that at any time each group has had its share as nearly as can be.
fn round_robin(quotas: &[usize]) -> Vec<usize> {
    let n: usize = quotas.iter().sum();
    let mut taken = vec![0usize; quotas.len()];
    (1..=n)
        .map(|turn| {
            // How far a group is behind, times n: whole numbers, so that no rounding decides.
            let behind = |group: usize| (quotas[group] * turn) as i128 - (taken[group] * n) as i128;
            let open = (0..quotas.len()).filter(|&group| taken[group] < quotas[group]);
            let next = open.max_by_key(|&group| (behind(group), std::cmp::Reverse(group)));
            let next = next.expect("there are as many turns as rows");
            taken[next] += 1;
            next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn plan(settings: TrainSettings) -> Plan {
        Plan::new(&settings, Groups::plain((0..7).collect()), vec![3, 9, 4, 2, 20, 5, 1])
    }

    #[test]
    fn every_row_is_seen_once_an_epoch_in_another_order_each_time() {
        let plan = plan(TrainSettings { batch_size: 2, ..TrainSettings::default() });
        let rows = |epoch: usize| plan.steps(epoch).concat().concat();
        assert_eq!(plan.distinct_rows(0), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(rows(1).len(), 7);
        assert_ne!(rows(0), rows(1));
        assert_eq!((plan.steps(0).len(), plan.n_steps(3)), (4, 12));
    }

    #[test]
    fn batches_are_taken_together() {
        let settings = TrainSettings { batch_size: 2, gradient_accumulation: 3, ..TrainSettings::default() };
        assert_eq!(plan(settings).steps(0).iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_token_budget_is_kept() {
        let plan = plan(TrainSettings { batch_tokens: Some(10), ..TrainSettings::default() });
        for rows in plan.steps(0).concat() {
            let n_tokens: usize = rows.iter().map(|&row| plan.lengths[row]).sum();
            assert!(n_tokens <= 10 || rows.len() == 1, "{rows:?}");
        }
    }

    /// Rows 0 to 799, 800 to 999 and 1000 to 1049.
    fn three_groups(kind: &str, options: serde_json::Value, seed: u64) -> Plan {
        let options: Map<_, _> = options.as_object().unwrap().clone();
        let groups = Groups {
            rows: vec![(0..800).collect(), (800..1000).collect(), (1000..1050).collect()],
            weights: vec![1.0; 3],
            copies: None,
            n_rows: 1050,
            sampling: sampling::make(kind, options).unwrap(),
        };
        Plan::new(&TrainSettings { seed, epochs: 5, ..TrainSettings::default() }, groups, vec![1; 1050])
    }

    fn counts(rows: &[usize]) -> [usize; 3] {
        let of = |from: usize, to: usize| rows.iter().filter(|row| (from..to).contains(row)).count();
        [of(0, 800), of(800, 1000), of(1000, 1050)]
    }

    #[test]
    fn each_group_has_its_share_of_an_epoch_and_of_its_parts() {
        for (kind, options, expected) in [
            ("proportional", json!({}), [800, 200, 50]),
            ("equal", json!({}), [350, 350, 350]),
            ("temperature", json!({}), [600, 300, 150]),
            ("annealed", json!({}), [800, 200, 50]),
        ] {
            let plan = three_groups(kind, options, 1);
            let rows = plan.steps(0).concat().concat();
            assert_eq!(counts(&rows), expected, "{kind}");
            let half = counts(&rows[..525]);
            for (half, whole) in half.iter().zip(expected) {
                assert!((2 * half).abs_diff(whole) < 110, "{kind}: {half} of {whole} in the first half");
            }
        }
        let last = three_groups("annealed", json!({}), 1).quotas(4);
        assert!(last[2] > 200 && last[0] < 500, "{last:?}");
    }

    #[test]
    fn groups_take_turns_if_they_are_equal() {
        let rows = three_groups("equal", json!({}), 1).steps(0).concat().concat();
        assert!(rows.chunks(3).all(|turn| counts(turn) == [1, 1, 1]));
        assert_eq!(round_robin(&[4, 2]), [0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn all_rows_of_a_group_come_before_any_comes_again() {
        let plan = three_groups("temperature", json!({}), 3);
        let all: Vec<usize> = (0..5).flat_map(|epoch| plan.steps(epoch).concat().concat()).collect();
        for group in [0..800, 800..1000, 1000..1050] {
            let drawn: Vec<usize> = all.iter().copied().filter(|row| group.contains(row)).collect();
            for cycle in drawn.chunks(group.len()) {
                let distinct: std::collections::HashSet<_> = cycle.iter().collect();
                assert_eq!(distinct.len(), cycle.len(), "{group:?}");
            }
        }
    }

    #[test]
    fn the_seed_decides_about_the_plan() {
        let steps = |seed: u64| three_groups("temperature", json!({}), seed).steps(3);
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
    }
}
