//! How good the tags of words are, by the spans that they mark.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The words of a span, and its label.
pub type Span<'a> = (&'a str, Range<usize>);

/// How good the tags of words are. A span is right if its label and both of its ends are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tagging {
    /// Texts with tags.
    pub n: usize,
    /// Of the spans that were found, the share that is right.
    pub precision: Option<f64>,
    /// Of the true spans, the share that was found.
    pub recall: Option<f64>,
    /// The harmonic mean of both; `None` if there is no true span and none was found.
    pub f1: Option<f64>,
    /// The mean F1 of the labels.
    pub macro_f1: Option<f64>,
    /// The share of words whose tag is right.
    pub word_accuracy: Option<f64>,
    /// Each label's own numbers.
    pub per_span: Vec<PerSpan>,
}

/// The numbers of one label's spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerSpan {
    /// The label.
    pub label: String,
    /// Of its spans that were found, the share that is right.
    pub precision: f64,
    /// Of its true spans, the share that was found.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// True spans.
    pub support: usize,
}

#[derive(Default)]
struct Counts {
    right: usize,
    found: usize,
    truth: usize,
}

impl Counts {
    fn precision(&self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / self.truth.max(1) as f64
    }

    fn f1(&self) -> f64 {
        2.0 * self.right as f64 / (self.found + self.truth).max(1) as f64
    }
}

impl Tagging {
    /// From the true and the predicted tags of each text.
    pub fn compute(texts: &[(Vec<&str>, Vec<&str>)]) -> Self {
        let mut labels: BTreeMap<&str, Counts> = BTreeMap::new();
        let (mut n_right, mut n_words) = (0, 0);
        for (truth, predicted) in texts {
            n_words += truth.len();
            n_right += truth.iter().zip(predicted).filter(|(a, b)| a == b).count();
            let (truth, found) = (spans(truth), spans(predicted));
            let known: BTreeSet<(&str, usize, usize)> =
                truth.iter().map(|(label, at)| (*label, at.start, at.end)).collect();
            truth.iter().for_each(|(label, _)| labels.entry(label).or_default().truth += 1);
            for (label, at) in &found {
                let counts = labels.entry(label).or_default();
                counts.found += 1;
                counts.right += usize::from(known.contains(&(*label, at.start, at.end)));
            }
        }
        let sum = |of: fn(&Counts) -> usize| labels.values().map(of).sum::<usize>();
        let all = Counts { right: sum(|c| c.right), found: sum(|c| c.found), truth: sum(|c| c.truth) };
        let any = all.found + all.truth > 0;
        let per_span: Vec<PerSpan> = labels
            .iter()
            .map(|(label, counts)| PerSpan {
                label: label.to_string(),
                precision: counts.precision(),
                recall: counts.recall(),
                f1: counts.f1(),
                support: counts.truth,
            })
            .collect();
        Self {
            n: texts.len(),
            precision: any.then(|| all.precision()),
            recall: any.then(|| all.recall()),
            f1: any.then(|| all.f1()),
            macro_f1: any.then(|| per_span.iter().map(|label| label.f1).sum::<f64>() / per_span.len() as f64),
            word_accuracy: (n_words > 0).then(|| n_right as f64 / n_words as f64),
            per_span,
        }
    }
}

/// The spans that tags mark, as `seqeval` reads them: `B-X` begins a span of X, `I-X` goes on with it, or begins one if
/// none of X is open; `O` is in none. A tag without `B-` or `I-` is a label by itself, and neighbours with the same
/// label are one span.
pub fn spans<'a>(tags: &[&'a str]) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for (word, tag) in tags.iter().enumerate() {
        let (begins, label) = match tag.split_at_checked(2) {
            Some(("B-", label)) => (true, label),
            Some(("I-", label)) => (false, label),
            _ if *tag == "O" => continue,
            _ => (false, *tag),
        };
        match spans.last_mut() {
            Some((open, at)) if !begins && at.end == word && *open == label => at.end = word + 1,
            _ => spans.push((label, word..word + 1)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_mark_spans() {
        let check = |tags: &[&str], expected: &[Span<'_>]| assert_eq!(spans(tags), expected);
        check(&["B-A", "I-A", "O", "B-A", "B-A"], &[("A", 0..2), ("A", 3..4), ("A", 4..5)]);
        check(&["I-A", "I-B", "I-B"], &[("A", 0..1), ("B", 1..3)]);
        check(&["NOUN", "NOUN", "VERB"], &[("NOUN", 0..2), ("VERB", 2..3)]);
        check(&["O", "é"], &[("é", 1..2)]);
    }

    /// Expected values: `seqeval.metrics` on the same tags.
    #[test]
    fn metrics_are_those_of_seqeval() {
        let truth = vec!["B-PER", "I-PER", "O", "B-LOC", "O", "B-PER"];
        let predicted = vec!["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "B-LOC"];
        let other = (vec!["O", "B-LOC"], vec!["O", "B-LOC"]);
        let found = Tagging::compute(&[(truth, predicted), other]);
        assert_eq!((found.precision, found.recall), (Some(0.5), Some(0.5)));
        assert_eq!(found.f1, Some(0.5));
        assert!((found.macro_f1.unwrap() - (0.4 + 2.0 / 3.0) / 2.0).abs() < 1e-9);
        assert_eq!((found.word_accuracy, found.per_span[1].support), (Some(0.75), 2));
    }

    #[test]
    fn no_spans_have_no_score() {
        let found = Tagging::compute(&[(vec!["O"], vec!["O"])]);
        assert_eq!((found.f1, found.macro_f1, found.word_accuracy), (None, None, Some(1.0)));
    }
}
