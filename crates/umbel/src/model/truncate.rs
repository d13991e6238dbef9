//! The first numbers of embeddings, for models that were trained so that these alone are embeddings too
//! (Matryoshka: Kusupati et al. 2022).

use super::{Embedding, Model};
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

    /// The first `n` numbers of embeddings that were given, or all of them; with length one if `normalize` says so, or if
    /// they had it before and are fewer now. [texts × truncated] → [texts × n]
    ///
    /// # Errors
    /// If an embedding has fewer numbers, or `n` is 0.
    pub fn shortened(&self, given: Matrix, n: Option<usize>, normalize: bool) -> Result<Matrix> {
        let size = given.cols();
        let n = n.unwrap_or(size);
        if !(1..=size).contains(&n) {
            return Err(Error::Settings(format!("`dimensions` is {n}; expected 1 to {size}")));
        }
        let Embedding { normalize: was_whole, normalize_truncated, truncate_dim, .. } = &self.embedding;
        let had_one = if truncate_dim.is_some() { *normalize_truncated } else { *was_whole };
        let has_one = had_one && n == size;
        let wants_one = normalize || had_one;
        let first = if n == size {
            given
        } else {
            let first = given.iter_rows().flat_map(|row| &row[..n]).copied().collect();
            Matrix::from_vec(given.rows(), n, first)
        };
        if has_one || !wants_one {
            return Ok(first);
        }
        let mut tape = Tape::inference(&self.params);
        let first = tape.constant(first);
        Ok(ops::l2_normalize(&mut tape, first).into_matrix())
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
