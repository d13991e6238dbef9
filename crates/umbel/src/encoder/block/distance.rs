//! Buckets of distances between tokens (Raffel et al. 2020, `T5Attention._relative_position_bucket`).

use crate::nn::{ParamId, Tape, Var, ops};
use crate::text::Batch;

/// A learned number for each head and bucket of distances, added to all layers' attention scores.
pub(in crate::encoder) struct DistanceBias {
    /// [buckets × heads]
    pub(in crate::encoder) table: ParamId,
    /// An even number: the first half is for keys before the query.
    pub(in crate::encoder) n_buckets: usize,
    /// From this distance on all share a bucket.
    pub(in crate::encoder) max_distance: usize,
}

impl DistanceBias {
    /// The bias of all distances there are in a batch. [heads × 2 · longest − 1]
    pub(super) fn forward(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        let longest = batch.spans().map(|span| span.len()).max().unwrap_or(0).max(1) as i64;
        let buckets = (1 - longest..longest).map(|distance| self.bucket(distance));
        ops::distance_bias(tape, self.table, buckets.collect())
    }

    /// The bucket of a key's position minus a query's.
    fn bucket(&self, distance: i64) -> u32 {
        let half = self.n_buckets / 2;
        let side = if distance > 0 { half } else { 0 };
        let (distance, n_exact) = (distance.unsigned_abs() as usize, half / 2);
        if distance < n_exact {
            return (side + distance) as u32;
        }
        // As PyTorch computes it: with 32-bit floats, in this order.
        let spread = (self.max_distance as f64 / n_exact as f64).ln() as f32;
        let step = (distance as f32 / n_exact as f32).ln() / spread * (half - n_exact) as f32;
        (side + (n_exact + step as usize).min(half - 1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::params::{ParamSpec, Params, Part};

    #[test]
    fn buckets_are_those_of_transformers() {
        let spec = ParamSpec::new("table", &[32, 1], Part::Encoder);
        let table = Params::default().add(spec, vec![0.0; 32].into());
        let bias = DistanceBias { table, n_buckets: 32, max_distance: 128 };
        let distances = [-1000, -128, -127, -64, -16, -12, -8, -7, -1, 0, 1, 7, 8, 11, 12, 16, 32, 90, 128];
        let buckets = [15, 15, 15, 14, 10, 9, 8, 7, 1, 0, 17, 23, 24, 24, 25, 26, 28, 30, 31];
        assert_eq!(distances.map(|distance| bias.bucket(distance)), buckets);
    }
}
