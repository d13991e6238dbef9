//! The true answers of rows for one task, some of them missing.

use std::ops::Range;

use crate::spans::Spans;

/// The true answers of rows for one task: some numbers a row, or none where the row has no label.
///
/// Each row also says how many rows of the head's outputs are its own: one for most kinds of task, one a word for
/// tagging, one a text for kinds that compare texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    values: Vec<f32>,
    // Invariant: a part a row in both; no values where `present` is false.
    spans: Spans,
    outputs: Spans,
    present: Vec<bool>,
}

impl Targets {
    /// Rows without labels or outputs.
    pub fn unlabelled(n_rows: usize) -> Self {
        let mut targets = Self::default();
        (0..n_rows).for_each(|_| targets.push_with(None, 0));
        targets
    }

    /// Adds a row that has one row of outputs; `None` where it has no label.
    pub fn push(&mut self, target: Option<&[f32]>) {
        self.push_with(target, 1);
    }

    /// Adds a row that has `n_outputs` rows of outputs; `None` where it has no label.
    pub fn push_with(&mut self, target: Option<&[f32]>, n_outputs: usize) {
        self.values.extend_from_slice(target.unwrap_or_default());
        self.spans.push(target.map_or(0, <[f32]>::len));
        self.outputs.push(n_outputs);
        self.present.push(target.is_some());
    }

    /// The label of a row.
    pub fn get(&self, row: usize) -> Option<&[f32]> {
        self.present[row].then(|| &self.values[self.spans.get(row)])
    }

    /// The label of each row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[f32]>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Which rows of a head's outputs are those of a row.
    pub fn outputs(&self, row: usize) -> Range<usize> {
        self.outputs.get(row)
    }

    /// How many rows a head's outputs have.
    pub fn n_outputs(&self) -> usize {
        self.outputs.total()
    }

    /// The rows that have a label: its numbers, and which rows of the outputs are its own.
    pub fn labelled(&self) -> impl Iterator<Item = (&[f32], Range<usize>)> {
        self.iter().enumerate().filter_map(|(row, target)| Some((target?, self.outputs(row))))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// True of no rows.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// How many rows have a label.
    pub fn n_present(&self) -> usize {
        self.present.iter().filter(|&&present| present).count()
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::default();
        rows.iter().for_each(|&row| selected.push_with(self.get(row), self.outputs(row).len()));
        selected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_its_numbers_or_none() {
        let mut targets = Targets::default();
        targets.push(Some(&[1.0, 2.0]));
        targets.push(None);
        targets.push_with(Some(&[3.0]), 2);
        assert_eq!(targets.get(0), Some(&[1.0, 2.0][..]));
        assert_eq!(targets.get(1), None);
        assert_eq!((targets.len(), targets.n_present(), targets.n_outputs()), (3, 2, 4));
        assert_eq!(targets.outputs(2), 2..4);
        let turned = targets.select(&[2, 0]);
        assert_eq!((turned.get(1), turned.outputs(1)), (Some(&[1.0, 2.0][..]), 2..3));
    }
}
