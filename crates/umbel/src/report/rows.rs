//! Rows with their true labels, a task's answers and what each answer cost.

use serde_json::Value;

use crate::data::Dataset;
use crate::evaluate::TaskScores;
use crate::metric::Reliability;
use crate::model::Head;
use crate::nn::{Matrix, Params, Tape};
use crate::task::Answer;
use crate::task::answer::TextSpan;

/// Rows of a split that are looked at one by one; of more, as many that lie evenly among them.
const LOOKED_AT: usize = 20_000;

/// One labelled row.
pub(super) struct Row<'a> {
    pub(super) text: &'a str,
    /// The label as the data says it.
    pub(super) truth: Value,
    /// The texts that the row's own was compared with.
    pub(super) others: Vec<&'a str>,
    /// None of kinds that answer nothing.
    pub(super) answer: Option<Answer>,
    /// The loss of this row alone.
    pub(super) loss: f64,
}

/// A task's answers on the rows of a split.
pub(super) struct Split<'a> {
    /// As `validation`.
    pub(super) name: &'a str,
    pub(super) scores: &'a TaskScores,
    /// The labelled rows, or some of them.
    pub(super) rows: Vec<Row<'a>>,
    /// Of tasks whose answers have probabilities.
    pub(super) reliability: Option<Reliability>,
    /// The same without the temperature that calibration has found, if it has.
    pub(super) uncalibrated: Option<Reliability>,
}

impl<'a> Split<'a> {
    /// Answers the rows of `data` that have a label of the task.
    pub(super) fn new(
        name: &'a str,
        scores: &'a TaskScores,
        head: &Head,
        task: usize,
        (data, outputs): (&'a Dataset, &Matrix),
    ) -> Self {
        let targets = data.targets(task);
        let labelled: Vec<usize> = (0..data.len()).filter(|&row| targets.get(row).is_some()).collect();
        let chosen = evenly(labelled.len(), LOOKED_AT).map(|i| labelled[i]);
        let row = |row: usize| {
            let example = data.get(row)?;
            let (target, own) = (example.targets[task]?, targets.outputs(row));
            let numbers = &outputs.data()[own.start * outputs.cols()..own.end * outputs.cols()];
            let none = Params::default();
            let mut tape = Tape::inference(&none);
            let logits = tape.constant(Matrix::from_vec(own.len(), outputs.cols(), numbers.to_vec()));
            let loss = head.task.loss(&mut tape, &logits, &targets.select(&[row])).item();
            Some(Row {
                text: example.text,
                truth: head.task.label(target),
                others: example.others[task].clone(),
                answer: head.task.answer(example.text, numbers),
                loss: f64::from(loss),
            })
        };
        let rows = chosen.filter_map(row).collect();
        // Of the same task again, since what was calibrated is given for changing only.
        let temperature = head.task.boxed().calibration_mut().map(|calibration| calibration.temperature);
        let scored = |temperature: f32| {
            let scored = head.task.scored(outputs, targets, temperature);
            Reliability::compute(&scored.iter().map(|s| (s.confidence, s.right)).collect::<Vec<_>>())
        };
        let reliability = temperature.map(scored).filter(|reliability| !reliability.bins.is_empty());
        let uncalibrated = temperature.filter(|temperature| *temperature != 1.0).map(|_| scored(1.0));
        Self { name, scores, rows, reliability, uncalibrated }
    }

    /// What is said where not all labelled rows were looked at.
    pub(super) fn sampled(&self) -> Option<String> {
        let (all, seen) = (self.scores.n, self.rows.len());
        (seen < all).then(|| format!("{seen} of {all} labelled rows, evenly chosen."))
    }
}

/// `most` of `n` places, evenly chosen; all of them if they are not more.
pub(super) fn evenly(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let chosen = n.min(most);
    (0..chosen).map(move |i| i * n / chosen)
}

/// A label or an answer in a few words.
pub(super) fn spoken(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        Value::Array(values) if values.is_empty() => "none".to_string(),
        Value::Array(values) => values.iter().map(spoken).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// An answer in a few words, with how sure it is.
pub(super) fn answered(answer: &Answer) -> String {
    let percent = |probabilities: &[(String, f32)], label: &String| {
        let found = probabilities.iter().find(|(name, _)| name == label);
        found.map_or_else(|| label.clone(), |(_, p)| format!("{label} ({:.0}\u{a0}%)", p * 100.0))
    };
    match answer {
        Answer::Label { label, probabilities, .. } | Answer::Rank { label, probabilities, .. } => {
            percent(probabilities, label)
        }
        Answer::Labels { labels, .. } if labels.is_empty() => "none".to_string(),
        Answer::Labels { labels, probabilities } => {
            labels.iter().map(|label| percent(probabilities, label)).collect::<Vec<_>>().join(", ")
        }
        Answer::Score(score) | Answer::Similarity { score, .. } => format!("{score:.3}"),
        Answer::Spans(spans) if spans.is_empty() => "none".to_string(),
        Answer::Spans(spans) => {
            let span = |span: &TextSpan| format!("{} ({})", span.text, span.label);
            spans.iter().map(span).collect::<Vec<_>>().join(", ")
        }
        other => spoken_fields(&serde_json::to_value(other).unwrap_or_default()),
    }
}

/// The values of an answer that has no words of its own.
fn spoken_fields(answer: &Value) -> String {
    match answer {
        Value::Object(fields) => fields.values().map(spoken).collect::<Vec<_>>().join("; "),
        other => spoken(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_chosen_evenly() {
        assert_eq!(evenly(3, 5).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(evenly(10, 4).collect::<Vec<_>>(), [0, 2, 5, 7]);
        assert_eq!(evenly(0, 4).count(), 0);
    }

    #[test]
    fn labels_and_answers_are_said_in_words() {
        let probabilities = vec![("no".to_string(), 0.25), ("yes".to_string(), 0.75)];
        let label =
            Answer::Label { label: "yes".into(), probabilities: probabilities.clone(), abstained: None };
        assert_eq!(answered(&label), "yes (75\u{a0}%)");
        assert_eq!(answered(&Answer::Labels { labels: vec![], probabilities }), "none");
        assert_eq!(answered(&Answer::Score(-0.5)), "-0.500");
        assert_eq!(answered(&Answer::Scores(vec![0.5, 1.0])), "0.5, 1.0");
        assert_eq!((spoken(&json!(["a", "b"])), spoken(&json!([]))), ("a, b".into(), "none".into()));
        assert_eq!((spoken(&json!(0.5)), spoken(&json!("<b>"))), ("0.5".into(), "<b>".into()));
    }
}
