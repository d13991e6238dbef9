//! How the work is shared between threads. The cuts never change a value.

use std::ops::Range;

use super::Attention;
use crate::parallel::threads;

/// Some sequences, of which each task does some heads and, of a single sequence, some queries.
pub(super) struct Group {
    pub(super) sequences: Range<usize>,
    /// Heads of a task.
    pub(super) n_heads: usize,
    /// Rows of a task.
    pub(super) n_queries: usize,
}

/// What a task must have as a whole.
#[derive(Clone, Copy)]
pub(super) enum Whole {
    /// Nothing: tasks may be some queries of one head.
    Panels,
    /// All query heads that share a head of keys and values, with all of their queries.
    KeyHeads,
}

/// Fewer operations do not pay for the way to another thread.
const TASK_FLOPS: usize = 1 << 20;
/// Fewer queries do not pay for packing all of their keys.
const TASK_QUERIES: usize = 128;

impl Attention<'_> {
    /// The sequences in groups of about the same work.
    pub(super) fn groups(&self, whole: Whole) -> Vec<Group> {
        let works = || self.sequences().map(|rows| self.flops(rows.len()));
        let task = (works().sum::<usize>() / (8 * threads())).max(TASK_FLOPS);
        let mut groups = Vec::new();
        let (mut first, mut sum) = (0, 0);
        for (idx, flops) in works().enumerate() {
            if sum > 0 && sum + flops > task {
                groups.push(self.group(first..idx, sum, task, whole));
                (first, sum) = (idx, 0);
            }
            sum += flops;
        }
        groups.push(self.group(first..self.sequences().len(), sum, task, whole));
        groups
    }

    fn group(&self, sequences: Range<usize>, flops: usize, task: usize, whole: Whole) -> Group {
        let n_rows = self.rows(&sequences).len();
        let (n_heads, n_queries) = (self.n_heads, n_rows.max(1));
        if sequences.len() != 1 || flops <= task {
            return Group { sequences, n_heads, n_queries };
        }
        let shared = match whole {
            Whole::Panels => 1,
            Whole::KeyHeads => self.n_heads / self.n_kv_heads,
        };
        let n_heads = (n_heads * task / flops / shared).max(1) * shared;
        let n_parts = (flops / self.n_heads * n_heads).div_ceil(task);
        let n_queries = match whole {
            Whole::Panels => n_rows.div_ceil(n_parts).next_multiple_of(TASK_QUERIES),
            Whole::KeyHeads => n_queries,
        };
        Group { sequences, n_heads, n_queries }
    }

    /// About what a sequence costs: packing takes as long as some more keys would.
    fn flops(&self, len: usize) -> usize {
        4 * len * (self.visible.n_keys(len) + 64) * self.n_heads * self.head_size
    }
}
