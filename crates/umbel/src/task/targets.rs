//! The true answers of rows for one task, some of them missing.

/// The true answers of rows for one task: `width` numbers a row, or none where the row has no label.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    width: usize,
    // Invariant: `width` numbers a row; zeros where `present` is false.
    values: Vec<f32>,
    present: Vec<bool>,
}

impl Targets {
    /// No rows yet, `width` numbers each.
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new(), present: Vec::new() }
    }

    /// Adds a row; `None` where it has no label.
    ///
    /// # Panics
    /// If the row is not `width` numbers.
    pub fn push(&mut self, row: Option<&[f32]>) {
        match row {
            Some(row) => {
                assert_eq!(row.len(), self.width, "a row has {} numbers", self.width);
                self.values.extend_from_slice(row);
            }
            None => self.values.resize(self.values.len() + self.width, 0.0),
        }
        self.present.push(row.is_some());
    }

    /// The label of a row.
    pub fn get(&self, row: usize) -> Option<&[f32]> {
        self.present[row].then(|| &self.values[row * self.width..][..self.width])
    }

    /// The label of each row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[f32]>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// True of no rows.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows have a label.
    pub fn n_present(&self) -> usize {
        self.present.iter().filter(|&&present| present).count()
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::new(self.width);
        rows.iter().for_each(|&row| selected.push(self.get(row)));
        selected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_its_numbers_or_none() {
        let mut targets = Targets::new(2);
        targets.push(Some(&[1.0, 2.0]));
        targets.push(None);
        assert_eq!(targets.get(0), Some(&[1.0, 2.0][..]));
        assert_eq!(targets.get(1), None);
        assert_eq!((targets.len(), targets.n_present()), (2, 1));
        assert_eq!(targets.select(&[1, 0]).get(1), Some(&[1.0, 2.0][..]));
    }
}
