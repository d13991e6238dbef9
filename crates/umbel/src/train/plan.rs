//! Which rows make up which batch, known before the first step.

use crate::data::shuffle;
use crate::settings::TrainSettings;

/// Which rows make up which batch of each epoch; it follows from the settings and the rows' lengths alone.
#[derive(Debug)]
pub(super) struct Plan {
    seed: u64,
    batch_size: usize,
    batch_tokens: Option<usize>,
    gradient_accumulation: usize,
    // Tokens of each row.
    lengths: Vec<usize>,
}

/// The rows of one batch.
pub(super) type Rows = Vec<usize>;

impl Plan {
    /// The plan for rows of those lengths, in tokens.
    pub(super) fn new(settings: &TrainSettings, lengths: Vec<usize>) -> Self {
        Self {
            seed: settings.seed,
            batch_size: settings.batch_size,
            batch_tokens: settings.batch_tokens,
            gradient_accumulation: settings.gradient_accumulation,
            lengths,
        }
    }

    /// The steps of an epoch, each the batches whose gradients are taken together.
    pub(super) fn steps(&self, epoch: usize) -> Vec<Vec<Rows>> {
        let order = shuffle::order(self.lengths.len(), self.seed, epoch as u64);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: TrainSettings) -> Plan {
        Plan::new(&settings, vec![3, 9, 4, 2, 20, 5, 1])
    }

    #[test]
    fn every_row_is_seen_once_an_epoch_in_another_order_each_time() {
        let plan = plan(TrainSettings { batch_size: 2, ..TrainSettings::default() });
        let rows = |epoch: usize| plan.steps(epoch).concat().concat();
        let mut sorted = rows(0);
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
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
}
