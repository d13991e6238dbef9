//! Rows of floats, in memory or in a file.

use super::Matrix;
use crate::error::Result;
use crate::spool::{Spool, SpoolWriter};

/// Rows of floats, as a [`Spool`] keeps them.
pub struct StoredRows {
    cols: usize,
    rows: Spool,
}

/// Takes rows of floats, matrix after matrix.
pub struct StoredRowsWriter {
    cols: usize,
    rows: SpoolWriter,
}

impl StoredRowsWriter {
    /// Rows of so many floats.
    pub fn new(cols: usize) -> Self {
        Self { cols, rows: SpoolWriter::default() }
    }

    /// Adds the rows of a matrix.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if they cannot be written.
    ///
    /// # Panics
    /// If they have another number of columns.
    pub fn push(&mut self, matrix: &Matrix) -> Result<()> {
        assert_eq!(matrix.cols(), self.cols, "rows of one length");
        matrix.iter_rows().try_for_each(|row| self.rows.push(bytemuck::cast_slice(row)))
    }

    /// The rows, to be read.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if they cannot be written.
    pub fn finish(self) -> Result<StoredRows> {
        Ok(StoredRows { cols: self.cols, rows: self.rows.finish()? })
    }
}

impl StoredRows {
    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn select(&self, rows: &[usize]) -> Matrix {
        let mut selected = Matrix::scratch(rows.len(), self.cols);
        for (to, &from) in rows.iter().enumerate() {
            bytemuck::cast_slice_mut(selected.row_mut(to)).copy_from_slice(self.rows.get(from));
        }
        selected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_out_as_they_went_in() {
        let mut writer = StoredRowsWriter::new(3);
        let numbers = |from: u8| (0..60).map(|i| f32::from(from + i)).collect::<Vec<f32>>();
        let parts = [Matrix::from_vec(20, 3, numbers(0)), Matrix::from_vec(20, 3, numbers(60))];
        parts.iter().for_each(|part| writer.push(part).unwrap());
        let stored = writer.finish().unwrap();
        assert_eq!(stored.select(&[21, 0, 21]).data(), [63.0, 64.0, 65.0, 0.0, 1.0, 2.0, 63.0, 64.0, 65.0]);
    }
}
