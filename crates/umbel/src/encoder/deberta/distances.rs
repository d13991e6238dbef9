//! The states of distances between tokens, with buckets for the far ones (`make_log_bucket_position` of transformers).

use std::rc::Rc;

use crate::encoder::Builder;
use crate::encoder::keys::{self, Sizes};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{self, Lookup, Norm};
use crate::nn::params::Part;
use crate::nn::{ParamId, Tape, Var};
use crate::text::Batch;

/// A learned state for each distance or bucket of distances, the same for all layers.
pub(super) struct Distances {
    /// [2 · span × hidden]
    table: ParamId,
    /// Of its rows.
    norm: Option<Norm>,
    buckets: Buckets,
}

/// The distances of a batch.
pub(super) struct Met {
    /// A row for each row of the table that is met. [rows × hidden]
    pub(super) states: Var,
    /// The row of each distance from a query to a key. [2 · longest − 1]
    pub(super) rows: Rc<[u32]>,
}

/// Which distances share a state.
#[derive(Clone, Copy)]
struct Buckets {
    /// So many rows of the table are for keys before the query, or as far from it as it is itself.
    span: usize,
    /// From half the span on, distances share buckets of growing width; the last one ends at this distance.
    max_distance: Option<usize>,
}

impl Distances {
    pub(super) fn build(
        config: &Config,
        builder: &mut Builder<'_>,
        sizes: &Sizes,
        max_positions: usize,
    ) -> Result<Self> {
        let max_distance = keys::positive(config, "max_relative_positions")?.unwrap_or(max_positions);
        let buckets = match keys::positive(config, "position_buckets")? {
            None => Buckets { span: max_distance, max_distance: None },
            Some(1) => return Err(config.wrong("position_buckets", "2 or more, or -1")),
            Some(span) => Buckets { span, max_distance: Some(max_distance) },
        };
        builder.part(Part::Encoder);
        let n_rows = buckets.span.saturating_mul(2);
        let table = builder.table("encoder.rel_embeddings.weight", n_rows, sizes.hidden);
        let norms = config.str_or("norm_rel_ebd", "none")?.to_lowercase();
        let norm = match norms.split('|').any(|norm| norm.trim() == "layer_norm") {
            true => {
                let eps = keys::eps(config, "layer_norm_eps", super::EPS)?;
                Some(builder.layer_norm("encoder.LayerNorm", sizes.hidden, eps, true))
            }
            false => None,
        };
        Ok(Self { table, norm, buckets })
    }

    /// The states of all distances there are in a batch.
    pub(super) fn met(&self, tape: &mut Tape<'_>, batch: &Batch) -> Met {
        let longest = batch.spans().map(|span| span.len()).max().unwrap_or(0).max(1) as i64;
        let all: Vec<u32> = (1 - longest..longest).map(|distance| self.buckets.row(-distance)).collect();
        let mut ids = all.clone();
        ids.sort_unstable();
        ids.dedup();
        let row = |id: &u32| ids.binary_search(id).expect("it is one of them") as u32;
        let rows = all.iter().map(row).collect();
        let states = ops::embedding(tape, vec![Lookup { table: self.table, ids, padding_idx: None }]);
        let states = match self.norm {
            Some(norm) => ops::norm(tape, states, norm),
            None => states,
        };
        Met { states, rows }
    }
}

impl Buckets {
    /// The row of a query's position minus a key's.
    fn row(self, distance: i64) -> u32 {
        let span = self.span as i64;
        let bucket = self.max_distance.map_or(distance, |max_distance| self.bucket(distance, max_distance));
        bucket.saturating_add(span).clamp(0, 2 * span - 1) as u32
    }

    /// As PyTorch computes it: with 32-bit floats, in this order.
    fn bucket(self, distance: i64, max_distance: usize) -> i64 {
        let n_exact = (self.span / 2) as i64;
        if distance.abs() <= n_exact {
            return distance;
        }
        let farthest = ((max_distance - 1) as f64 / n_exact as f64) as f32;
        let step = (distance.abs() as f32 / n_exact as f32).ln() / farthest.ln() * (n_exact - 1) as f32;
        let bucket = step.ceil() + n_exact as f32;
        // What is no number converts to the least integer.
        if bucket.is_finite() { bucket as i64 * distance.signum() } else { i64::MIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(span: usize, max_distance: Option<usize>, expected: [u32; 19]) {
        let buckets = Buckets { span, max_distance };
        let distances =
            [-600, -511, -300, -129, -128, -5, 0, 1, 127, 128, 129, 130, 132, 200, 256, 400, 511, 512, 2000];
        assert_eq!(distances.map(|distance| buckets.row(distance)), expected, "{span} {max_distance:?}");
    }

    #[test]
    fn rows_are_those_of_transformers() {
        let plain = [0, 0, 0, 0, 0, 95, 100, 101];
        let plain: [u32; 19] = std::array::from_fn(|i| plain.get(i).copied().unwrap_or(199));
        check(100, None, plain);
        let v3 = [0, 1, 49, 127, 128, 251, 256, 257, 383, 384, 385, 386, 387, 425, 448, 489, 511, 511, 511];
        check(256, Some(512), v3);
        check(7, Some(64), [0, 0, 0, 1, 1, 3, 7, 8, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13]);
        check(16, Some(9), [0, 0, 0, 0, 0, 11, 16, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
