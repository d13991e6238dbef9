//! Which keys a query sees.

use std::ops::Range;

use crate::simd::{MAX_LANES, Simd};

/// Which keys of its sequence a query sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visible {
    /// All of them.
    All,
    /// Those up to the query: `j <= i`, as in a decoder.
    Causal,
    /// Those at most so far away: `|i - j| <= w`, as in the local layers of ModernBERT.
    Window(usize),
    /// So many up to the query: `j <= i` and `i - j < w`, as in the sliding layers of Gemma 3.
    CausalWindow(usize),
}

impl Visible {
    /// How many keys before a query it sees, and how many after it.
    fn reach(self) -> (usize, usize) {
        match self {
            Self::All => (usize::MAX, usize::MAX),
            Self::Causal => (usize::MAX, 0),
            Self::Window(width) => (width, width),
            Self::CausalWindow(width) => (width.checked_sub(1).expect("a query sees itself at least"), 0),
        }
    }

    /// The most keys that a query of a sequence sees.
    pub(super) fn n_keys(self, len: usize) -> usize {
        let (before, after) = self.reach();
        len.min(before.saturating_add(after).saturating_add(1))
    }

    /// The keys that some of the queries see.
    pub(super) fn keys(self, queries: &Range<usize>, len: usize) -> Range<usize> {
        let (before, after) = self.reach();
        queries.start.saturating_sub(before)..len.min(queries.end.saturating_add(after))
    }

    /// Replaces the scores of what a query does not see by `value`.
    ///
    /// A row holds those of one key and of queries from a first on: `[keys × width]`.
    #[inline(always)]
    pub(super) fn hide<S: Simd>(
        self,
        simd: S,
        (queries, keys): (&Range<usize>, &Range<usize>),
        (scores, width): (&mut [f32], usize),
        value: f32,
    ) {
        let (before, after) = self.reach();
        // Keys that all of the queries see need no look.
        let seen_by_all = (queries.end - 1).saturating_sub(before)..=queries.start.saturating_add(after);
        let value = simd.splat(value);
        for (key, scores) in keys.clone().zip(scores.chunks_exact_mut(width)) {
            if seen_by_all.contains(&key) {
                continue;
            }
            for v in (0..width).step_by(S::LANES) {
                let first = (queries.start + v) as f32 - key as f32;
                let ahead = simd.add(simd.splat(first), simd.load(&LANE_NUMBERS));
                let score = simd.load_at(scores, v);
                let score = simd.select_less(simd.splat(before as f32), ahead, value, score);
                let score = simd.select_less(ahead, simd.splat(-(after as f32)), value, score);
                simd.store_at(score, scores, v);
            }
        }
    }
}

const LANE_NUMBERS: [f32; MAX_LANES] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
