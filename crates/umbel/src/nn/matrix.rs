//! Rows and columns of floats.

use super::buffer;

/// A row-major matrix of floats.
#[derive(Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    // Invariant: `rows * cols` long.
    data: Vec<f32>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        let mut matrix = Self::scratch(rows, cols);
        matrix.data.fill(0.0);
        matrix
    }

    /// Unspecified values, for whoever overwrites all of them.
    pub fn scratch(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: buffer::take(rows * cols) }
    }

    /// The given values, row after row.
    ///
    /// # Panics
    /// If they are not `rows * cols`.
    pub fn from_vec(rows: usize, cols: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), rows * cols, "{rows} × {cols} values");
        Self { rows, cols, data }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values, row after row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All values, row after row.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// All values, row after row.
    pub fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.data)
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.cols..][..self.cols]
    }

    /// One row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.cols..][..self.cols]
    }

    /// The rows, one after the other; as many empty ones if there are no columns.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.rows).map(|row| self.row(row))
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::scratch(rows.len(), self.cols);
        for (to, &from) in rows.iter().enumerate() {
            selected.row_mut(to).copy_from_slice(self.row(from));
        }
        selected
    }

    /// The rows of all parts, one below the other; nothing of no parts.
    ///
    /// # Panics
    /// If the parts have different numbers of columns.
    pub fn stacked(parts: &[Self]) -> Self {
        let cols = parts.first().map_or(0, Self::cols);
        let mut stacked = Self::scratch(parts.iter().map(Self::rows).sum(), cols);
        for (to, row) in parts.iter().flat_map(Self::iter_rows).enumerate() {
            stacked.row_mut(to).copy_from_slice(row);
        }
        stacked
    }

    /// As a kernel reads it.
    pub fn as_ref(&self) -> kernels::MatRef<'_> {
        kernels::MatRef::new(&self.data, self.rows, self.cols)
    }
}

impl Clone for Matrix {
    fn clone(&self) -> Self {
        let mut clone = Self::scratch(self.rows, self.cols);
        clone.data.copy_from_slice(&self.data);
        clone
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        buffer::give_back(std::mem::take(&mut self.data));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_written_and_selected() {
        let mut matrix = Matrix::zeros(2, 2);
        matrix.row_mut(1).copy_from_slice(&[3.0, 4.0]);
        assert_eq!(matrix.select(&[1, 0, 1]).data(), [3.0, 4.0, 0.0, 0.0, 3.0, 4.0]);
        assert_eq!(matrix.iter_rows().last(), Some(&[3.0, 4.0][..]));
    }

    #[test]
    fn zeros_are_zeros_in_a_used_buffer() {
        drop(Matrix::from_vec(100, 100, vec![7.0; 10_000]));
        assert!(Matrix::zeros(100, 100).data().iter().all(|&x| x == 0.0));
    }
}
