//! A matrix that is read, in either orientation.

use std::ops::Range;

/// A matrix that is read: rows × columns, row-major or transposed.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    // Invariant: one of the strides is 1, and `(rows - 1) * row_stride + (cols - 1) * col_stride < data.len()`, or the matrix is empty.
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> MatRef<'a> {
    /// A row-major matrix without gaps.
    ///
    /// # Panics
    /// If `data` does not hold exactly `rows * cols` values.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows} x {cols} matrix over {} values", data.len());
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same values with rows and columns exchanged; nothing is copied.
    #[inline(always)]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// The number of rows.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline(always)]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The value at a row and a column.
    #[inline(always)]
    pub fn at(&self, row: usize, col: usize) -> f32 {
        self.data[row * self.row_stride + col * self.col_stride]
    }

    /// Some rows of it.
    #[inline(always)]
    pub(crate) fn row_range(self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        let start = (rows.start * self.row_stride).min(self.data.len());
        Self { data: &self.data[start..], rows: rows.len(), ..self }
    }

    /// Some columns of it.
    #[inline(always)]
    pub(crate) fn col_range(self, cols: Range<usize>) -> Self {
        self.transposed().row_range(cols).transposed()
    }

    /// Whether the values of a row lie side by side; else those of a column do.
    #[inline(always)]
    pub(crate) fn is_row_major(&self) -> bool {
        self.col_stride == 1
    }

    /// Floats from one row to the next.
    #[inline(always)]
    pub(crate) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Floats from one column to the next.
    #[inline(always)]
    pub(crate) fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// A row of a row-major matrix, a column of another; what follows it in memory is included.
    #[inline(always)]
    pub(crate) fn line(&self, line: usize) -> &'a [f32] {
        &self.data[line * if self.is_row_major() { self.row_stride } else { self.col_stride }..]
    }
}
