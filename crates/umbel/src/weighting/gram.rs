//! Inner products of gradients.

/// The inner products of some vectors with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    n: usize,
    // Row after row.
    values: Vec<f64>,
}

impl Gram {
    /// Those of the given vectors.
    ///
    /// # Panics
    /// If they are not equally long.
    pub fn of(vectors: &[&[f32]]) -> Self {
        Self::of_parts(&vectors.iter().map(|vector| vec![*vector]).collect::<Vec<_>>())
    }

    /// Those of vectors that lie in several parts.
    ///
    /// # Panics
    /// If their parts are not equally long.
    pub fn of_parts(vectors: &[Vec<&[f32]>]) -> Self {
        let dot_of_part = |(a, b): (&&[f32], &&[f32])| -> f64 {
            assert_eq!(a.len(), b.len(), "gradients of the same values");
            a.iter().zip(*b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let dot = |a: &[&[f32]], b: &[&[f32]]| -> f64 { a.iter().zip(b).map(dot_of_part).sum() };
        let n = vectors.len();
        let mut values = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let product = dot(&vectors[i], &vectors[j]);
                (values[i * n + j], values[j * n + i]) = (product, product);
            }
        }
        Self { n, values }
    }

    /// How many vectors there are.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The inner product of two vectors.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n + j]
    }

    /// The length of a vector.
    pub fn norm(&self, i: usize) -> f64 {
        self.at(i, i).max(0.0).sqrt()
    }

    /// The cosine between two vectors; none if one is zero.
    pub fn cosine(&self, i: usize, j: usize) -> Option<f64> {
        let lengths = self.norm(i) * self.norm(j);
        (lengths > 0.0).then(|| (self.at(i, j) / lengths).clamp(-1.0, 1.0))
    }

    /// The inner product of each vector with the sum of all, each times its coefficient.
    pub(super) fn times(&self, coefficients: &[f64]) -> Vec<f64> {
        let row = |i: usize| (0..self.n).map(|j| self.at(i, j) * coefficients[j]).sum();
        (0..self.n).map(row).collect()
    }

    /// The squared length of the sum of all vectors, each times its coefficient.
    pub(super) fn squared(&self, coefficients: &[f64]) -> f64 {
        self.times(coefficients).iter().zip(coefficients).map(|(product, c)| product * c).sum()
    }

    /// The sum of the squared lengths.
    pub(super) fn trace(&self) -> f64 {
        (0..self.n).map(|i| self.at(i, i)).sum()
    }

    /// Divided by its trace, with `eps` added to the diagonal; zero if the trace is next to nothing.
    pub(super) fn normalized(&self, eps: f64) -> Self {
        let trace = self.trace();
        let factor = if trace > f64::MIN_POSITIVE { 1.0 / trace } else { 0.0 };
        let mut values: Vec<f64> = self.values.iter().map(|value| value * factor).collect();
        (0..self.n).for_each(|i| values[i * self.n + i] += eps);
        Self { n: self.n, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_lengths_and_cosines() {
        let gram = Gram::of(&[&[3.0, 4.0], &[-4.0, 3.0], &[-6.0, -8.0], &[0.0, 0.0]]);
        assert_eq!((gram.norm(0), gram.at(0, 1), gram.at(2, 0)), (5.0, 0.0, -50.0));
        assert_eq!((gram.cosine(0, 2), gram.cosine(0, 3)), (Some(-1.0), None));
        assert_eq!(gram.squared(&[1.0, 1.0, 0.0, 9.0]), 50.0);
    }
}
