//! What is answered about one text.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What is answered about one text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// One of several labels.
    Label {
        /// The label that is most likely.
        label: String,
        /// Each label and its probability, in the task's order; they sum to 1.
        probabilities: Vec<(String, f32)>,
    },
    /// Any number of several labels.
    Labels {
        /// The labels whose probability reaches their threshold.
        labels: Vec<String>,
        /// Each label and its probability, in the task's order.
        probabilities: Vec<(String, f32)>,
    },
    /// One of labels that have an order.
    Rank {
        /// The label that is most likely.
        label: String,
        /// The expected rank, from 0 for the lowest label.
        rank: f32,
        /// Each label and its probability, from the lowest on; they sum to 1.
        probabilities: Vec<(String, f32)>,
    },
    /// A number.
    Score(f32),
    /// Several numbers.
    Scores(Vec<f32>),
}

/// `{"label": …, "probabilities": {…}}`, `{"labels": […], "probabilities": {…}}`,
/// `{"label": …, "rank": …, "probabilities": {…}}`, `{"score": …}` or `{"scores": […]}`.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Label { label, probabilities } => {
                map.serialize_entry("label", label)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
            }
            Self::Labels { labels, probabilities } => {
                map.serialize_entry("labels", labels)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
            }
            Self::Rank { label, rank, probabilities } => {
                map.serialize_entry("label", label)?;
                map.serialize_entry("rank", rank)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
            }
            Self::Score(score) => map.serialize_entry("score", score)?,
            Self::Scores(scores) => map.serialize_entry("scores", scores)?,
        }
        map.end()
    }
}

struct Probabilities<'a>(&'a [(String, f32)]);

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(label, probability)| (label, probability)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_objects() {
        let check = |answer, expected| assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
        let probabilities = vec![("no".to_string(), 0.25), ("yes".to_string(), 0.75)];
        let label = Answer::Label { label: "yes".into(), probabilities };
        check(label, r#"{"label":"yes","probabilities":{"no":0.25,"yes":0.75}}"#);
        let labels = Answer::Labels { labels: vec!["a".into()], probabilities: vec![("a".into(), 0.5)] };
        check(labels, r#"{"labels":["a"],"probabilities":{"a":0.5}}"#);
        check(Answer::Score(0.5), r#"{"score":0.5}"#);
        check(Answer::Scores(vec![0.5, 1.0]), r#"{"scores":[0.5,1.0]}"#);
    }
}
