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
/// `<task>_probability`. Missing labels are `null` or empty; tasks without answers are left out.
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
        header.push(head.name().to_string());
        let column = |(i, column)| if i == 0 { "predicted".to_string() } else { column };
        let columns = head.task.columns().into_iter().enumerate().map(column);
        header.extend(columns.map(|column| format!("{}_{column}", head.name())));
    }
    csv.write_record(&header)?;
    for line in parts.iter().flat_map(|part| part.lines(model)) {
        let mut record = vec![line.text.to_string()];
        record.extend(has_split.then(|| line.split.unwrap_or_default().to_string()));
        for (head, label) in model.heads().iter().zip(line.labels.values()) {
            record.push(cell(label));
            let answer = line.predictions.get(head.name());
            let empty = || vec![String::new(); head.task.columns().len()];
            record.extend(answer.map_or_else(empty, Answer::cells));
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

impl<'a> Part<'a> {
    fn lines(&self, model: &'a Model) -> impl Iterator<Item = Line<'a>> {
        let Self { split, data, outputs } = *self;
        data.iter().enumerate().map(move |(row, example)| {
            let heads = || model.heads().iter();
            let label = |(head, target): (&Head, &Option<&[f32]>)| {
                (head.name().to_string(), target.map_or(Value::Null, |target| head.task.label(target)))
            };
            let answer = |(task, (head, outputs)): (usize, (&Head, &Matrix))| {
                let (own, cols) = (data.targets(task).outputs(row), outputs.cols());
                let numbers = &outputs.data()[own.start * cols..own.end * cols];
                Some((head.name().to_string(), head.task.answer(example.text, numbers)?))
            };
            Line {
                text: example.text,
                split,
                labels: heads().zip(&example.targets).map(label).collect(),
                predictions: Prediction {
                    answers: heads().zip(outputs).enumerate().filter_map(answer).collect(),
                },
            }
        })
    }
}
