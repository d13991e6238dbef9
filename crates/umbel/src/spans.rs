//! Where parts of different lengths lie that stand one after the other.

use std::ops::Range;

/// Where parts of different lengths lie that stand one after the other, from 0 on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    // Invariant: never decreases.
    ends: Vec<usize>,
}

impl Spans {
    /// Adds a part at the end.
    pub fn push(&mut self, length: usize) {
        self.ends.push(self.total() + length);
    }

    /// Where a part lies.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, part: usize) -> Range<usize> {
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        start..self.ends[part]
    }

    /// Where each part lies.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        (0..self.len()).map(|part| self.get(part))
    }

    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True of no parts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How long all parts are together.
    pub fn total(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}

impl FromIterator<usize> for Spans {
    /// From the parts' lengths.
    fn from_iter<I: IntoIterator<Item = usize>>(lengths: I) -> Self {
        let mut spans = Self::default();
        lengths.into_iter().for_each(|length| spans.push(length));
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another() {
        let spans: Spans = [2, 0, 3].into_iter().collect();
        assert_eq!(spans.iter().collect::<Vec<_>>(), [0..2, 2..2, 2..5]);
        assert_eq!((spans.len(), spans.total()), (3, 5));
        assert_eq!(Spans::default().total(), 0);
    }
}
