//! The first numbers of embeddings, for models that were trained so that these alone are embeddings too
//! (Matryoshka: Kusupati et al. 2022).

use super::Model;
use crate::error::{Error, Result};
use crate::nn::{Matrix, Tape, ops};

impl Model {
    /// Gives only the first `n` numbers of embeddings; `None` gives all.
    ///
    /// As in `SentenceTransformer.encode(truncate_dim=n)` they are taken of what a Normalize module leaves, and are
    /// shorter than one then; [`Model::set_normalize`] gives them length one again. Heads read all numbers.
    ///
    /// # Errors
    /// If an embedding has fewer numbers, or `n` is 0.
    pub fn set_truncate_dim(&mut self, n: Option<usize>) -> Result<()> {
        let size = self.embedding_size();
        if let Some(n) = n.filter(|n| !(1..=size).contains(n)) {
            return Err(Error::Settings(format!("`truncate_dim` is {n}; expected 1 to {size}")));
        }
        self.embedding.truncate_dim = n;
        Ok(())
    }

    /// Gives embeddings length one, also where only their first numbers are given; or leaves both as they are.
    pub fn set_normalize(&mut self, normalize: bool) {
        self.embedding.normalize = normalize;
        self.embedding.normalize_truncated = normalize;
    }

    /// How many numbers of an embedding are given.
    pub fn truncated_size(&self) -> usize {
        let size = self.embedding_size();
        self.embedding.truncate_dim.map_or(size, |n| n.min(size))
    }

    /// What is given of embeddings. [texts × embedding] → [texts × truncated]
    pub(super) fn truncated(&self, embeddings: Matrix) -> Matrix {
        let size = self.truncated_size();
        if size == embeddings.cols() {
            return embeddings;
        }
        let first = embeddings.iter_rows().flat_map(|row| &row[..size]).copied().collect();
        let first = Matrix::from_vec(embeddings.rows(), size, first);
        if !self.embedding.normalize_truncated {
            return first;
        }
        let mut tape = Tape::inference(&self.params);
        let first = tape.constant(first);
        ops::l2_normalize(&mut tape, first).into_matrix()
    }
}
