//! How often a task gives each answer: kept with a model, so that a server can tell when its texts have changed.

use serde::{Deserialize, Serialize};

use super::Answer;

/// How often a task gives each answer, by bins: labels, labels of spans, or ranges of a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// What is counted in each bin: a label, or nothing for ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    /// Where each range but the last ends, in ascending order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edges: Vec<f32>,
    // Invariant: one more than labels, whose last is "none of these", or one more than edges.
    /// The part of all that was counted in each bin.
    shares: Vec<f64>,
    /// How many answers it is of.
    answers: usize,
}

/// Ranges into which numbers are put, each with the same share of them.
const N_RANGES: usize = 10;
/// What a bin's share counts at least, so that an empty bin is not infinitely far from any other.
const LEAST_SHARE: f64 = 1e-4;

impl Distribution {
    /// Counts answers of one task; none if there are none, or answers of such a kind are not counted.
    pub fn of(answers: &[Answer]) -> Option<Self> {
        let mut labels: Vec<String> = Vec::new();
        let mut numbers: Vec<f32> = Vec::new();
        for answer in answers {
            match answer {
                Answer::Label { probabilities, .. }
                | Answer::Labels { probabilities, .. }
                | Answer::Rank { probabilities, .. } => {
                    if labels.is_empty() {
                        labels = probabilities.iter().map(|(label, _)| label.clone()).collect();
                    }
                }
                Answer::Spans(spans) => {
                    for span in spans {
                        if !labels.contains(&span.label) {
                            labels.push(span.label.clone());
                        }
                    }
                }
                Answer::Score(number) | Answer::Similarity { score: number, .. } => numbers.push(*number),
                Answer::Scores(_) => return None,
            }
        }
        if answers.is_empty() {
            return None;
        }
        let edges = edges(numbers);
        let n_bins = labels.len().max(edges.len()) + 1;
        let mut counted = Self { labels, edges, shares: vec![0.0; n_bins], answers: answers.len() };
        let mut counts = vec![0; n_bins];
        answers.iter().flat_map(|answer| counted.bins(answer)).for_each(|bin| counts[bin] += 1);
        counted.shares = shares(&counts);
        Some(counted)
    }

    /// How many bins there are.
    pub fn n_bins(&self) -> usize {
        self.labels.len().max(self.edges.len()) + 1
    }

    /// True if there are as many shares as bins, and what is counted is of one kind.
    pub fn is_whole(&self) -> bool {
        self.shares.len() == self.n_bins() && (self.labels.is_empty() || self.edges.is_empty())
    }

    /// What is counted in a bin, for people.
    pub fn name(&self, bin: usize) -> String {
        match (self.labels.get(bin), self.edges.is_empty()) {
            (Some(label), _) => label.clone(),
            (None, true) => "(none)".to_string(),
            (None, false) => match self.edges.get(bin) {
                Some(edge) => format!("below {edge}"),
                None => format!("from {}", self.edges[self.edges.len() - 1]),
            },
        }
    }

    /// The bins that an answer is counted in: one of a label or a number, one for each of several labels or spans.
    pub fn bins(&self, answer: &Answer) -> Vec<usize> {
        let none = self.n_bins() - 1;
        let of_label = |label: &str| self.labels.iter().position(|known| known == label).unwrap_or(none);
        let of_number = |number: f32| self.edges.partition_point(|edge| *edge <= number).min(none);
        let or_none = |bins: Vec<usize>| if bins.is_empty() { vec![none] } else { bins };
        match answer {
            Answer::Label { label, .. } | Answer::Rank { label, .. } => vec![of_label(label)],
            Answer::Labels { labels, .. } => or_none(labels.iter().map(|label| of_label(label)).collect()),
            Answer::Spans(spans) => or_none(spans.iter().map(|span| of_label(&span.label)).collect()),
            Answer::Score(number) | Answer::Similarity { score: number, .. } => vec![of_number(*number)],
            Answer::Scores(_) => Vec::new(),
        }
    }

    /// How far counts are from this: the population stability index `Σ (q − p) · ln(q / p)` over the bins, where `p` is
    /// a bin's share here and `q` that of the counts, each at least 0.0001. 0 is the same; above 0.25 is usually called
    /// a large change (Siddiqi, Credit Risk Scorecards, 2006). 0 if nothing was counted.
    pub fn drift(&self, counts: &[u64]) -> f64 {
        if counts.iter().sum::<u64>() == 0 {
            return 0.0;
        }
        let term = |(p, q): (&f64, f64)| {
            let (p, q) = (p.max(LEAST_SHARE), q.max(LEAST_SHARE));
            (q - p) * (q / p).ln()
        };
        self.shares.iter().zip(shares(counts)).map(term).sum()
    }
}

fn shares(counts: &[u64]) -> Vec<f64> {
    let all = counts.iter().sum::<u64>().max(1) as f64;
    counts.iter().map(|count| *count as f64 / all).collect()
}

/// Where ranges end that have like shares of the numbers; equal ends are one.
fn edges(mut numbers: Vec<f32>) -> Vec<f32> {
    numbers.retain(|number| number.is_finite());
    if numbers.is_empty() {
        return Vec::new();
    }
    numbers.sort_unstable_by(f32::total_cmp);
    let mut edges: Vec<f32> = (1..N_RANGES).map(|i| numbers[i * numbers.len() / N_RANGES]).collect();
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> Answer {
        let probabilities = vec![("a".to_string(), 0.5), ("b".to_string(), 0.5)];
        Answer::Label { label: name.to_string(), probabilities, abstained: None }
    }

    #[test]
    fn the_same_answers_have_not_drifted_and_others_have() {
        let answers: Vec<Answer> = (0..100).map(|i| label(if i < 80 { "a" } else { "b" })).collect();
        let known = Distribution::of(&answers).unwrap();
        assert_eq!((known.n_bins(), known.is_whole(), &known.shares[..]), (3, true, &[0.8, 0.2, 0.0][..]));
        assert_eq!(known.drift(&[8, 2, 0]), 0.0);
        assert_eq!(known.drift(&[0, 0, 0]), 0.0);
        // By hand: (0.2 - 0.8) ln(0.2 / 0.8) + (0.8 - 0.2) ln(0.8 / 0.2)
        assert!((known.drift(&[2, 8, 0]) - 1.2 * 4f64.ln()).abs() < 1e-12);
        assert_eq!((known.bins(&label("b")), known.bins(&label("new"))), (vec![1], vec![2]));
    }

    #[test]
    fn numbers_are_counted_in_ranges_of_like_shares() {
        let answers: Vec<Answer> = (0..100).map(|i| Answer::Score(i as f32)).collect();
        let known = Distribution::of(&answers).unwrap();
        assert!(known.shares.iter().all(|share| (share - 0.1).abs() < 1e-12), "{:?}", known.shares);
        assert_eq!((known.bins(&Answer::Score(-5.0)), known.bins(&Answer::Score(1e9))), (vec![0], vec![9]));
        assert_eq!((known.name(0), known.name(9)), ("below 10".to_string(), "from 90".to_string()));
        let same = Distribution::of(&vec![Answer::Score(1.0); 5]).unwrap();
        assert_eq!((same.n_bins(), same.bins(&Answer::Score(1.0))), (2, vec![1]));
    }

    #[test]
    fn no_label_is_an_answer_too() {
        let answer = |labels: &[&str]| Answer::Labels {
            labels: labels.iter().map(|label| label.to_string()).collect(),
            probabilities: vec![("a".to_string(), 0.5), ("b".to_string(), 0.5)],
        };
        let known = Distribution::of(&[answer(&["a", "b"]), answer(&[])]).unwrap();
        assert_eq!(known.bins(&answer(&[])), [2]);
        assert_eq!(known.shares, [1.0 / 3.0; 3]);
        assert_eq!(Distribution::of(&[]), None);
    }
}
