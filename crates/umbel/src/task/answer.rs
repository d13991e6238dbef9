//! What is answered about one text.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

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
        /// Whether the label is too uncertain to be acted on; none if the task does not abstain.
        abstained: Option<bool>,
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
        /// Whether the label is too uncertain to be acted on; none if the task does not abstain.
        abstained: Option<bool>,
    },
    /// A number.
    Score(f32),
    /// Several numbers.
    Scores(Vec<f32>),
    /// Parts of the text, from the first to the last.
    Spans(Vec<TextSpan>),
    /// How alike the text and another are.
    Similarity {
        /// The cosine of their embeddings.
        cosine: f32,
        /// The same on the scale of the data.
        score: f32,
    },
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextSpan {
    /// Its label.
    pub label: String,
    /// Its first character, counted from 0.
    pub start: usize,
    /// The character after its last one.
    pub end: usize,
    /// The part itself.
    pub text: String,
    /// The mean probability of its words' tags.
    pub probability: f32,
}

/// `{"label": …, "probabilities": {…}}`, `{"labels": […], "probabilities": {…}}`,
/// `{"label": …, "rank": …, "probabilities": {…}}`, `{"score": …}`, `{"scores": […]}`, `{"spans": [{…}]}` or
/// `{"cosine": …, "score": …}`.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Label { label, probabilities, abstained } => {
                map.serialize_entry("label", label)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
                abstained.map_or(Ok(()), |abstained| map.serialize_entry("abstained", &abstained))?;
            }
            Self::Labels { labels, probabilities } => {
                map.serialize_entry("labels", labels)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
            }
            Self::Rank { label, rank, probabilities, abstained } => {
                map.serialize_entry("label", label)?;
                map.serialize_entry("rank", rank)?;
                map.serialize_entry("probabilities", &Probabilities(probabilities))?;
                abstained.map_or(Ok(()), |abstained| map.serialize_entry("abstained", &abstained))?;
            }
            Self::Score(score) => map.serialize_entry("score", score)?,
            Self::Scores(scores) => map.serialize_entry("scores", scores)?,
            Self::Spans(spans) => map.serialize_entry("spans", spans)?,
            Self::Similarity { cosine, score } => {
                map.serialize_entry("cosine", cosine)?;
                map.serialize_entry("score", score)?;
            }
        }
        map.end()
    }
}

impl Answer {
    /// The answer in columns of a table, as [`Task::columns`](super::Task::columns) names them: a label and its
    /// probability, several labels and the probabilities of all as lists, numbers, or spans as a list.
    pub fn cells(&self) -> Vec<String> {
        match self {
            Self::Label { label, probabilities, abstained }
            | Self::Rank { label, probabilities, abstained, .. } => {
                let of_label = probabilities.iter().find(|(name, _)| name == label);
                let probability =
                    of_label.map(|(_, probability)| probability.to_string()).unwrap_or_default();
                let abstained = abstained.map(|abstained| abstained.to_string());
                [label.clone(), probability].into_iter().chain(abstained).collect()
            }
            Self::Labels { labels, probabilities } => {
                let each: Vec<f32> = probabilities.iter().map(|(_, probability)| *probability).collect();
                vec![json(labels), json(&each)]
            }
            Self::Score(score) => vec![score.to_string()],
            Self::Scores(scores) => scores.iter().map(f32::to_string).collect(),
            Self::Spans(spans) => vec![json(spans)],
            Self::Similarity { cosine, score } => vec![cosine.to_string(), score.to_string()],
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("answers are plain values")
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
        let label = Answer::Label { label: "yes".into(), probabilities, abstained: None };
        check(label, r#"{"label":"yes","probabilities":{"no":0.25,"yes":0.75}}"#);
        let labels = Answer::Labels { labels: vec!["a".into()], probabilities: vec![("a".into(), 0.5)] };
        check(labels, r#"{"labels":["a"],"probabilities":{"a":0.5}}"#);
        check(Answer::Score(0.5), r#"{"score":0.5}"#);
        check(Answer::Scores(vec![0.5, 1.0]), r#"{"scores":[0.5,1.0]}"#);
    }
}
