//! Spans of a text, as names or products in it: a tag for each word, by the state of its first token.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::TextSpan;
use super::{Answer, Calibration, Evaluation, Reads, Scored, Targets, Task, labels};
use crate::metric;
use crate::nn::ops::{ClassTargets, cross_entropy, log_softmax};
use crate::nn::{Matrix, Tape, Var};
use crate::text::WordRule;

/// The tag of words that are in no span.
const OUTSIDE: &str = "O";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagging {
    // The tags, as `B-PER`; learned from the data if empty.
    #[serde(default)]
    labels: Vec<String>,
    // What words are; if missing, blanks separate them where the data has a tag for each, and punctuation too where the
    // data has spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<WordRule>,
    // What calibration has found.
    #[serde(default, skip_serializing_if = "Calibration::is_default")]
    calibration: Calibration,
}

/// What a cell says.
enum Cell {
    Tags(Vec<String>),
    Spans(Vec<SpanCell>),
}

/// A span as the data has it: characters from and up to, and its label.
#[derive(Debug, Clone, Deserialize)]
struct SpanCell {
    start: usize,
    end: usize,
    label: String,
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Tagging = super::read_options(options)?;
    labels::check_distinct(&task.labels)?;
    task.calibration.check()?;
    Ok(Box::new(task))
}

impl Tagging {
    fn rule(&self) -> WordRule {
        self.words.unwrap_or_default()
    }

    fn read(cell: &Value) -> Result<Cell, String> {
        let wrong = || {
            let expected = "a list of tags, one a word, or of spans {\"start\", \"end\", \"label\"}";
            format!("expected {expected}, found {cell}")
        };
        match cell {
            Value::Array(cells) if cells.iter().any(Value::is_string) => {
                let tag = |cell: &Value| cell.as_str().map(str::to_string).ok_or_else(wrong);
                Ok(Cell::Tags(cells.iter().map(tag).collect::<Result<_, _>>()?))
            }
            Value::Array(cells) => {
                let span = |cell: &Value| serde_json::from_value(cell.clone()).map_err(|_| wrong());
                Ok(Cell::Spans(cells.iter().map(span).collect::<Result<_, _>>()?))
            }
            Value::String(text) if text.trim_start().starts_with('[') => {
                Self::read(&serde_json::from_str(text).map_err(|_| wrong())?)
            }
            Value::String(text) => Ok(Cell::Tags(text.split_whitespace().map(str::to_string).collect())),
            _ => Err(wrong()),
        }
    }

    fn class(&self, tag: &str) -> Result<f32, String> {
        Ok(labels::place("tag", tag, &self.labels)? as f32)
    }

    /// The tags of words that spans say.
    fn of_spans(&self, text: &str, spans: &[SpanCell]) -> Result<Vec<f32>, String> {
        let words = self.rule().words(text);
        let mut tags = vec![OUTSIDE.to_string(); words.len()];
        for span in spans {
            let bytes = byte_range(text, span).ok_or_else(|| {
                let n = text.chars().count();
                format!("the span {}..{} does not lie in the text of {n} characters", span.start, span.end)
            })?;
            let own: Vec<usize> = (0..words.len())
                .filter(|&w| words[w].start < bytes.end && bytes.start < words[w].end)
                .collect();
            let Some(&first) = own.first() else {
                return Err(format!("the span {}..{} has no word", span.start, span.end));
            };
            if let Some(&taken) = own.iter().find(|&&word| tags[word] != OUTSIDE) {
                let word = &text[words[taken].clone()];
                return Err(format!("the span {}..{} shares `{word}` with another", span.start, span.end));
            }
            own.iter().for_each(|&word| tags[word] = format!("I-{}", span.label));
            tags[first] = format!("B-{}", span.label);
        }
        tags.iter().map(|tag| self.class(tag)).collect()
    }

    /// The most likely tag of each word and its probability; a word that was not read is outside.
    fn decode(&self, outputs: &[f32]) -> Vec<(&str, f32)> {
        let best = |row: &[f32]| {
            let class = labels::most(row);
            (&self.labels[class][..], log_softmax(&self.calibration.tempered(row))[class].exp())
        };
        let tag = |row: &[f32]| if row[0].is_nan() { (OUTSIDE, 1.0) } else { best(row) };
        outputs.chunks_exact(self.labels.len()).map(tag).collect()
    }
}

/// The bytes of a span of characters, if there are such.
fn byte_range(text: &str, span: &SpanCell) -> Option<Range<usize>> {
    let mut bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    let start = bytes.nth(span.start)?;
    let end = bytes.nth(span.end.checked_sub(span.start + 1)?)?;
    Some(start..end)
}

impl Task for Tagging {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        let mut tags: BTreeSet<String> = BTreeSet::new();
        let mut has_spans = false;
        for cell in labels.filter_map(|cell| Self::read(&cell).ok()) {
            match cell {
                Cell::Tags(own) => tags.extend(own),
                Cell::Spans(spans) => {
                    has_spans |= !spans.is_empty();
                    let both = |span: SpanCell| ["B", "I"].map(|prefix| format!("{prefix}-{}", span.label));
                    tags.extend(spans.into_iter().flat_map(both));
                }
            }
        }
        let rule = if has_spans { WordRule::Punctuation } else { WordRule::Whitespace };
        self.words.get_or_insert(rule);
        if self.labels.is_empty() {
            let outside = (has_spans || tags.remove(OUTSIDE)).then(|| OUTSIDE.to_string());
            self.labels = outside.into_iter().chain(tags).collect();
        }
        self.check_learned()
    }

    fn check_learned(&self) -> Result<(), String> {
        match self.labels.len() {
            0 | 1 => Err(format!("tagging needs two tags or more; there is {:?}", self.labels)),
            _ => Ok(()),
        }
    }

    fn reads(&self) -> Reads {
        Reads::Words(self.rule())
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn n_targets(&self) -> Option<usize> {
        None
    }

    fn target(&self, text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        match Self::read(cell)? {
            Cell::Spans(spans) => self.of_spans(text, &spans),
            Cell::Tags(tags) => {
                let n = self.rule().words(text).len();
                if tags.len() != n {
                    return Err(format!("expected {n} tags, one a word, found {}", tags.len()));
                }
                tags.iter().map(|tag| self.class(tag)).collect()
            }
        }
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let mut classes = vec![None; outputs.rows()];
        for (target, at) in targets.labelled() {
            for (&class, row) in target.iter().zip(at).filter(|(_, row)| !outputs.row(*row)[0].is_nan()) {
                classes[row] = Some(class as usize);
            }
        }
        let targets = ClassTargets { classes: &classes, class_weights: None, label_smoothing: 0.0 };
        cross_entropy(tape, outputs, &targets)
    }

    fn answer(&self, text: &str, outputs: &[f32]) -> Option<Answer> {
        let words = self.rule().words(text);
        let decoded = self.decode(outputs);
        let tags: Vec<&str> = decoded.iter().map(|(tag, _)| *tag).collect();
        let span = |(label, at): metric::tagging::Span<'_>| {
            let (start, end) = (words[at.start].start, words[at.end - 1].end);
            let characters = |byte: usize| text[..byte].chars().count();
            let probabilities = decoded[at.clone()].iter().map(|(_, probability)| probability);
            TextSpan {
                label: label.to_string(),
                start: characters(start),
                end: characters(end),
                text: text[start..end].to_string(),
                probability: probabilities.sum::<f32>() / at.len() as f32,
            }
        };
        Some(Answer::Spans(metric::tagging::spans(&tags).into_iter().map(span).collect()))
    }

    fn columns(&self) -> Vec<String> {
        vec!["spans".to_string()]
    }

    fn label(&self, target: &[f32]) -> Value {
        target.iter().map(|&class| Value::from(&self.labels[class as usize][..])).collect()
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let cols = outputs.cols();
        let text = |(target, at): (&[f32], Range<usize>)| {
            let truth = target.iter().map(|&class| &self.labels[class as usize][..]).collect();
            let decoded = self.decode(&outputs.data()[at.start * cols..at.end * cols]);
            (truth, decoded.into_iter().map(|(tag, _)| tag).collect())
        };
        let report = metric::Tagging::compute(&targets.labelled().map(text).collect::<Vec<_>>());
        let (main, metrics) = (report.f1.unwrap_or(0.0), super::fields(&report));
        Evaluation { n: report.n, main_metric: "f1", main, metrics }
    }

    fn calibration_mut(&mut self) -> Option<&mut Calibration> {
        Some(&mut self.calibration)
    }

    /// One of each word that was read.
    fn scored(&self, outputs: &Matrix, targets: &Targets, temperature: f32) -> Vec<Scored> {
        let tempered = Calibration { temperature, ..Calibration::default() };
        let words = targets.labelled().flat_map(|(target, at)| target.iter().zip(at));
        let score = |(class, row): (&f32, usize)| {
            let (class, log_p) = (*class as usize, log_softmax(&tempered.tempered(outputs.row(row))));
            let best = (0..log_p.len()).fold(0, |best, i| if log_p[i] > log_p[best] { i } else { best });
            let log_likelihood = f64::from(log_p[class]);
            Scored { confidence: log_p[best].exp(), right: best == class, log_likelihood }
        };
        words.filter(|(_, row)| !outputs.row(*row)[0].is_nan()).map(score).collect()
    }

    /// Texts with as many tagged words are alike.
    fn stratum(&self, target: &[f32]) -> f32 {
        let outside = self.labels.iter().position(|label| label == OUTSIDE);
        target.iter().filter(|class| outside != Some(**class as usize)).count() as f32
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(data: &[Value]) -> Box<dyn Task> {
        let mut task = make(Map::new()).unwrap();
        task.learn(&mut data.iter().cloned()).unwrap();
        task
    }

    fn names(task: &dyn Task, text: &str, cell: &Value) -> Result<Value, String> {
        task.target(text, cell).map(|target| task.label(&target))
    }

    #[test]
    fn spans_become_tags_of_words() {
        let task = task(&[json!([{"start": 0, "end": 4, "label": "city"}]), json!([])]);
        assert_eq!(task.options()["labels"], json!(["O", "B-city", "I-city"]));
        let text = "Über Köln, bitte.";
        let found = names(task.as_ref(), text, &json!([{"start": 0, "end": 9, "label": "city"}]));
        assert_eq!(found, Ok(json!(["B-city", "I-city", "O", "O", "O"])));
        assert_eq!(names(task.as_ref(), text, &json!([])), Ok(json!(["O", "O", "O", "O", "O"])));
        let error = |start: usize, end: usize, label: &str| {
            names(task.as_ref(), text, &json!([{"start": start, "end": end, "label": label}])).unwrap_err()
        };
        assert_eq!(error(5, 40, "city"), "the span 5..40 does not lie in the text of 17 characters");
        assert_eq!(error(4, 5, "city"), "the span 4..5 has no word");
        assert!(error(5, 5, "city").contains("does not lie"));
        assert!(error(0, 4, "town").starts_with("unknown tag `B-town`; there is: O, B-city, I-city"));
        let twice = json!([{"start": 0, "end": 4, "label": "city"}, {"start": 0, "end": 9, "label": "city"}]);
        assert!(names(task.as_ref(), text, &twice).unwrap_err().ends_with("shares `Über` with another"));
    }

    #[test]
    fn tags_stand_for_words_between_blanks() {
        let task = task(&[json!(["O", "B-LOC"]), json!("O I-LOC")]);
        assert_eq!(task.options()["labels"], json!(["O", "B-LOC", "I-LOC"]));
        assert_eq!(names(task.as_ref(), "to Rome.", &json!("O B-LOC")), Ok(json!(["O", "B-LOC"])));
        assert_eq!(names(task.as_ref(), "to", &json!([])), Ok(json!(["O"])));
        let error = names(task.as_ref(), "to", &json!(["O", "O"])).unwrap_err();
        assert_eq!(error, "expected 1 tags, one a word, found 2");
        assert!(names(task.as_ref(), "to", &json!(3)).unwrap_err().ends_with("found 3"));
    }

    #[test]
    fn spans_are_answered_by_characters() {
        let task = task(&[json!([{"start": 0, "end": 1, "label": "x"}])]);
        let outputs = [0.0, 9.0, 0.0, 0.0, 0.0, 9.0, f32::NAN, f32::NAN, f32::NAN];
        let Some(Answer::Spans(spans)) = task.answer("Ü ab c", &outputs) else { panic!("spans") };
        let [span] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((span.start, span.end, &span.text[..], &span.label[..]), (0, 4, "Ü ab", "x"));
        assert!((span.probability - 0.999_753).abs() < 1e-5);
    }

    #[test]
    fn words_that_were_not_read_have_no_loss_and_are_outside() {
        let task = task(&[json!([{"start": 0, "end": 1, "label": "x"}])]);
        let mut targets = Targets::default();
        targets.push_with(Some(&[1.0, 2.0]), 2);
        targets.push_with(None, 1);
        let nan = f32::NAN;
        let outputs = Matrix::from_vec(3, 3, vec![0., 50., 0., nan, nan, nan, 5., 5., 5.]);
        let found = task.evaluate(&outputs, &targets);
        assert_eq!((found.n, found.metrics["word_accuracy"].as_f64()), (1, Some(0.5)));
        let params = crate::nn::Params::default();
        let mut tape = Tape::inference(&params);
        let outputs = tape.constant(outputs);
        assert!(task.loss(&mut tape, &outputs, &targets).item() < 1e-6);
    }
}
