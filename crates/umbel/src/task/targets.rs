//! The true answers of rows for one task, some of them missing.

use std::ops::Range;

use crate::nn::tensor::Values;
use crate::spans::Spans;

/// The true answers of rows for one task: some numbers a row, or none where the row has no label.
///
/// Each row also says how many rows of the head's outputs are its own: one for most kinds of task, one a word for
/// tagging, one a text for kinds that compare texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    values: Vec<f32>,
    // Where all rows have labels of one length that lie in files; `values` is empty then.
    stored: Option<StoredLabels>,
    // Invariant: a part a row in both; no values where `present` is false.
    spans: Spans,
    outputs: Spans,
    present: Vec<bool>,
}

/// Labels of one length that stay in the files they were written to.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLabels {
    parts: Vec<Values>,
    cols: usize,
    rows_a_part: usize,
    // Invariant: each is below the number of rows in `parts`.
    rows: Vec<u32>,
}

impl StoredLabels {
    /// All rows of `parts`, each `cols` numbers long; all parts but the last have as many.
    ///
    /// # Panics
    /// If a part has no whole number of rows, or parts differ.
    pub fn new(parts: Vec<Values>, cols: usize) -> Self {
        let rows_a_part = parts.first().map_or(0, |part| part.len() / cols);
        let whole = |part: &Values| part.len() == rows_a_part * cols;
        let last_fits = parts.last().is_none_or(|last| last.len() <= rows_a_part * cols);
        assert!(last_fits && parts.iter().rev().skip(1).all(whole), "parts of {rows_a_part} rows");
        let n_values: usize = parts.iter().map(Values::len).sum();
        assert!(n_values.is_multiple_of(cols), "whole rows of {cols}");
        Self { parts, cols, rows_a_part, rows: (0..(n_values / cols) as u32).collect() }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True of no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// A row.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, row: usize) -> &[f32] {
        let row = self.rows[row] as usize;
        let at = row % self.rows_a_part * self.cols;
        &self.parts[row / self.rows_a_part].as_slice()[at..at + self.cols]
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self { rows: rows.iter().map(|&row| self.rows[row]).collect(), ..self.clone() }
    }
}

impl From<StoredLabels> for Targets {
    /// A label and a row of outputs each.
    fn from(stored: StoredLabels) -> Self {
        let n = stored.rows.len();
        let each = |length: usize| std::iter::repeat_n(length, n).collect();
        Self {
            values: Vec::new(),
            spans: each(0),
            outputs: each(1),
            present: vec![true; n],
            stored: Some(stored),
        }
    }
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
    ///
    /// # Panics
    /// If the labels lie in files.
    pub fn push_with(&mut self, target: Option<&[f32]>, n_outputs: usize) {
        assert!(self.stored.is_none(), "what lies in files has all its rows");
        self.values.extend_from_slice(target.unwrap_or_default());
        self.spans.push(target.map_or(0, <[f32]>::len));
        self.outputs.push(n_outputs);
        self.present.push(target.is_some());
    }

    /// The label of a row.
    pub fn get(&self, row: usize) -> Option<&[f32]> {
        self.present[row].then(|| match &self.stored {
            Some(stored) => stored.get(row),
            None => &self.values[self.spans.get(row)],
        })
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
        if let Some(stored) = &self.stored {
            return stored.select(rows).into();
        }
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

    #[test]
    fn labels_in_files_are_selected_without_being_copied() {
        let parts = vec![vec![1.0, 2.0, 3.0, 4.0].into(), vec![5.0, 6.0].into()];
        let targets = Targets::from(StoredLabels::new(parts, 2));
        assert_eq!((targets.len(), targets.n_present(), targets.outputs(2)), (3, 3, 2..3));
        assert_eq!((targets.get(1), targets.get(2)), (Some(&[3.0, 4.0][..]), Some(&[5.0, 6.0][..])));
        let turned = targets.select(&[2, 0]).select(&[1, 0]);
        assert_eq!((turned.len(), turned.get(0), turned.get(1)), (2, targets.get(0), targets.get(2)));
    }
}
