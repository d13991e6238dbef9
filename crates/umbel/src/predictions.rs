//! A file of texts, their true labels and a model's predictions.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data::Dataset;
use crate::error::Result;
use crate::folder::write::write_with;
use crate::model::{Head, Model, Prediction};
use crate::nn::Matrix;
use crate::task::Answer;

/// Rows and a model's raw outputs for them.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What the rows are, as `validation`; written with each row if there is a name.
    pub split: Option<&'a str>,
    /// The rows.
    pub data: &'a Dataset,
    /// A matrix a task. [rows × outputs]
    pub outputs: &'a [Matrix],
}

/// One row as it is written.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a str>,
    labels: Map<String, Value>,
    predictions: Prediction,
}

/// Writes every row of all parts: CSV if the file's name ends in `.csv`, JSON lines if not.
///
/// A line of JSON is `{"text", "split", "labels": {"<task>": …}, "predictions": {"<task>": {…}}}`; a row of CSV
/// has the columns `text`, `split` and for each task `<task>` and `<task>_predicted`, of a label also
/// `<task>_probability`. Missing labels are `null` or empty.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, model: &Model, parts: &[Part<'_>]) -> Result<()> {
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    write_with(
        path,
        |file| if is_csv { write_csv(file, model, parts) } else { write_jsonl(file, model, parts) },
    )
}

fn write_jsonl(file: &mut impl Write, model: &Model, parts: &[Part<'_>]) -> io::Result<()> {
    for line in parts.iter().flat_map(|part| part.lines(model)) {
        serde_json::to_writer(&mut *file, &line)?;
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn write_csv(file: &mut impl Write, model: &Model, parts: &[Part<'_>]) -> io::Result<()> {
    let has_split = parts.iter().any(|part| part.split.is_some());
    let mut csv = csv::Writer::from_writer(file);
    let mut header = vec!["text".to_string()];
    header.extend(has_split.then(|| "split".to_string()));
    for head in model.heads() {
        header.extend([head.name().to_string(), format!("{}_predicted", head.name())]);
        header.extend((!head.task.labels().is_empty()).then(|| format!("{}_probability", head.name())));
    }
    csv.write_record(&header)?;
    for line in parts.iter().flat_map(|part| part.lines(model)) {
        let mut record = vec![line.text.to_string()];
        record.extend(has_split.then(|| line.split.unwrap_or_default().to_string()));
        for (label, (_, answer)) in line.labels.values().zip(&line.predictions.answers) {
            record.push(cell(label));
            record.extend(cells(answer));
        }
        csv.write_record(&record)?;
    }
    csv.flush()
}

/// A label as a cell of CSV.
fn cell(label: &Value) -> String {
    match label {
        Value::Null => String::new(),
        Value::String(name) => name.clone(),
        other => other.to_string(),
    }
}

/// An answer as cells of CSV.
fn cells(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Label { label, probabilities } | Answer::Rank { label, probabilities, .. } => {
            let found = probabilities.iter().find(|(name, _)| name == label);
            vec![label.clone(), found.map(|(_, probability)| probability.to_string()).unwrap_or_default()]
        }
        Answer::Labels { labels, probabilities } => vec![
            serde_json::to_string(labels).unwrap_or_default(),
            serde_json::to_string(&probabilities.iter().map(|(_, p)| p).collect::<Vec<_>>())
                .unwrap_or_default(),
        ],
        Answer::Score(score) => vec![score.to_string()],
        Answer::Scores(scores) => vec![serde_json::to_string(scores).unwrap_or_default()],
    }
}

impl<'a> Part<'a> {
    fn lines(&self, model: &'a Model) -> impl Iterator<Item = Line<'a>> {
        let Self { split, data, outputs } = *self;
        data.iter().enumerate().map(move |(row, example)| {
            let heads = || model.heads().iter();
            let label = |(head, target): (&Head, &Option<&[f32]>)| {
                (head.name().to_string(), target.map_or(Value::Null, |target| head.task.label(target)))
            };
            let answer = |(head, outputs): (&Head, &Matrix)| {
                (head.name().to_string(), head.task.answer(outputs.row(row)))
            };
            Line {
                text: example.text,
                split,
                labels: heads().zip(&example.targets).map(label).collect(),
                predictions: Prediction { answers: heads().zip(outputs).map(answer).collect() },
            }
        })
    }
}
