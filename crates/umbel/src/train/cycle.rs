//! The rows of a group in an order without an end, any part of which can be told without the parts before it.

use crate::data::shuffle;
use crate::random::{Random, derive};

/// Rows that come cycle after cycle, each cycle in a new order.
#[derive(Debug)]
pub(super) struct Cycle {
    rows: Vec<usize>,
    seed: u64,
    // How many rows are shuffled at a time.
    window: usize,
    // The sums, up to each row, of how often rows come in a cycle; they end at `len`. Empty if each comes once.
    ends: Vec<f64>,
    len: usize,
}

/// What decides about parts of a copy is apart from what decides about the order.
const PARTS: u64 = 0x0070_6172_7473;

impl Cycle {
    /// Each row once a cycle.
    pub(super) fn new(rows: Vec<usize>, seed: u64) -> Self {
        Self { len: rows.len(), rows, seed, window: usize::MAX, ends: Vec::new() }
    }

    /// The same rows, so many of them shuffled at a time.
    pub(super) fn within(self, window: usize) -> Self {
        Self { window, ..self }
    }

    /// Each row `copies` times a cycle, 1 or more; of a number that is not whole, the rest says how many of the cycles
    /// have one more.
    pub(super) fn with_copies(rows: Vec<usize>, copies: &[f64], seed: u64) -> Self {
        let total: f64 = rows.iter().map(|&row| copies[row]).sum();
        let len = total.ceil() as usize;
        let scale = len as f64 / total; // Hardly above 1: a cycle has a whole number of rows.
        let mut end = 0.0;
        let mut ends: Vec<f64> = Vec::with_capacity(rows.len());
        for &row in &rows {
            end += copies[row] * scale;
            ends.push(end);
        }
        ends.last_mut().into_iter().for_each(|last| *last = len as f64);
        Self { rows, seed, window: usize::MAX, ends, len }
    }

    /// The rows from the place `start` of the endless order on.
    pub(super) fn draw(&self, start: usize, n: usize) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(n);
        while drawn.len() < n && self.len > 0 {
            let place = start + drawn.len();
            let cycle = self.order((place / self.len) as u64);
            let wanted = n - drawn.len();
            drawn.extend(cycle.into_iter().skip(place % self.len).take(wanted));
        }
        drawn
    }

    /// The rows of a cycle in their order.
    fn order(&self, cycle: u64) -> Vec<usize> {
        if self.ends.is_empty() {
            return self.shuffled(&self.rows, cycle);
        }
        // Systematic sampling: a row comes as often as a whole number falls between its ends, moved by one draw.
        let moved = f64::from(Random::stream(derive(self.seed, PARTS), cycle).uniform());
        let mut start = 0.0;
        let mut all = Vec::with_capacity(self.len);
        for (&row, &end) in self.rows.iter().zip(&self.ends) {
            let n = (end + moved).floor() - (start + moved).floor();
            all.extend(std::iter::repeat_n(row, n as usize));
            start = end;
        }
        self.shuffled(&all, cycle)
    }

    fn shuffled(&self, rows: &[usize], cycle: u64) -> Vec<usize> {
        let order = shuffle::windowed_order(rows.len(), self.window, self.seed, cycle);
        order.into_iter().map(|place| rows[place]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_before_any_comes_again() {
        let cycle = Cycle::new(vec![3, 5, 7, 9], 1);
        let drawn = cycle.draw(0, 40);
        for cycle in drawn.chunks(4) {
            let mut rows = cycle.to_vec();
            rows.sort_unstable();
            assert_eq!(rows, [3, 5, 7, 9]);
        }
        assert!(drawn.chunks(4).any(|cycle| cycle != &drawn[..4]), "each cycle has its own order");
        assert_eq!(cycle.draw(3, 11), drawn[3..14]);
        assert!(Cycle::new(Vec::new(), 1).draw(0, 3).is_empty());
    }

    #[test]
    fn copies_come_as_often_as_they_say() {
        let copies = [1.0, 2.5, 1.0, 4.0];
        let cycle = Cycle::with_copies(vec![0, 1, 3], &copies, 7);
        assert_eq!(cycle.len, 8); // 7.5, rounded up.
        let n_cycles = 400;
        let drawn = cycle.draw(0, 8 * n_cycles);
        for cycle in drawn.chunks(8) {
            for row in [0, 1, 3] {
                let n = cycle.iter().filter(|&&drawn| drawn == row).count();
                assert!(n >= copies[row].floor() as usize, "row {row} came {n} times");
            }
        }
        for row in [0, 1, 3] {
            let mean = drawn.iter().filter(|&&drawn| drawn == row).count() as f64 / n_cycles as f64;
            assert!((mean - copies[row] * 8.0 / 7.5).abs() < 0.1, "row {row}: {mean}");
        }
    }
}
