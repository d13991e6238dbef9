//! The gradient of a table of which only some rows were read.

use std::collections::HashMap;

use super::matrix::Matrix;

/// Rows of a gradient; all others are zero.
#[derive(Debug, Default)]
pub struct RowGrads {
    n_rows: usize,
    cols: usize,
    // The rows in the order in which they were first met, and the place of each.
    ids: Vec<u32>,
    places: HashMap<u32, usize>,
    // A row for each id.
    values: Vec<f32>,
}

impl RowGrads {
    /// A gradient of zeros.
    pub fn new(n_rows: usize, cols: usize) -> Self {
        Self { n_rows, cols, ..Self::default() }
    }

    /// Adds to a row.
    pub fn add(&mut self, id: u32, gradient: &[f32]) {
        assert!((id as usize) < self.n_rows && gradient.len() == self.cols, "a row of the table");
        let place = *self.places.entry(id).or_insert(self.ids.len());
        if place == self.ids.len() {
            self.ids.push(id);
            self.values.extend_from_slice(gradient);
        } else {
            kernels::add(gradient, &mut self.values[place * self.cols..][..self.cols]);
        }
    }

    /// The gradient of a row; `None` if it is zero.
    pub fn row(&self, id: u32) -> Option<&[f32]> {
        self.places.get(&id).map(|place| &self.values[place * self.cols..][..self.cols])
    }

    /// The rows that are not zero, in the order in which they were first met.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The values of those rows.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The whole gradient.
    pub fn to_matrix(&self) -> Matrix {
        let mut whole = Matrix::zeros(self.n_rows, self.cols);
        for (&id, row) in self.ids.iter().zip(self.values.chunks_exact(self.cols)) {
            whole.row_mut(id as usize).copy_from_slice(row);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_summed() {
        let mut rows = RowGrads::new(4, 2);
        [(2, [1.0, 2.0]), (0, [5.0, 6.0]), (2, [10.0, 20.0])].iter().for_each(|(id, row)| rows.add(*id, row));
        assert_eq!((rows.ids(), rows.row(2), rows.row(1)), (&[2, 0][..], Some(&[11.0, 22.0][..]), None));
        assert_eq!(rows.to_matrix().data(), [5.0, 6.0, 0.0, 0.0, 11.0, 22.0, 0.0, 0.0]);
    }
}
