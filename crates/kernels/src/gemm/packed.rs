//! The right operand of a product.

use crate::MatRef;

/// The right operand of a product, packed in the order in which the tile reads it.
pub struct Packed {
    data: Vec<f32>,
    k: usize,
    n: usize,
}

impl Packed {
    /// Packs a matrix of k rows and n columns.
    pub fn new(b: MatRef) -> Self {
        let mut packed = Self::empty();
        packed.pack(b);
        packed
    }

    /// A matrix of no rows and no columns, whose buffer `pack` grows.
    pub fn empty() -> Self {
        Self { data: Vec::new(), k: 0, n: 0 }
    }

    /// Packs another matrix, reusing the buffer.
    pub fn pack(&mut self, b: MatRef) {
        (self.k, self.n) = (b.rows(), b.cols());
        self.data.clear();
        for row in 0..self.k {
            self.data.extend((0..self.n).map(|col| b.at(row, col)));
        }
    }

    /// The number of rows of the matrix that was packed.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of columns of the matrix that was packed.
    pub fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn at(&self, row: usize, col: usize) -> f32 {
        self.data[row * self.n + col]
    }
}
