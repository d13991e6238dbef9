//! Comma separated values: the text, and of each task the label and its probability, or the score.

use anyhow::{Result, bail};
use csv::Writer;
use umbel::model::{Head, Predicted};
use umbel::task::Answer;

use super::{Destination, Embeddings, PredictionWriter};
use crate::sink::Sink;
use crate::texts::Row;

struct Table(Writer<Sink>);

pub(super) fn open(destination: Destination<'_>) -> Result<Box<dyn PredictionWriter>> {
    if destination.embeddings == Embeddings::Kept {
        bail!("`--embedding` is for JSON lines; `umbel embed` writes embeddings in other formats");
    }
    let mut table = Writer::from_writer(destination.sink);
    let columns = destination.heads.into_iter().flat_map(columns);
    table.write_record(std::iter::once("text".to_string()).chain(columns))?;
    Ok(Box::new(Table(table)))
}

fn columns(head: &Head) -> Vec<String> {
    let (name, n) = (head.name(), head.task.n_outputs());
    if !head.task.labels().is_empty() {
        return vec![format!("{name}.label"), format!("{name}.probability")];
    }
    match n {
        1 => vec![format!("{name}.score")],
        _ => (0..n).map(|i| format!("{name}.scores.{i}")).collect(),
    }
}

fn cells(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Label { label, probabilities } | Answer::Rank { label, probabilities, .. } => {
            let of_label = probabilities.iter().find(|(name, _)| name == label);
            vec![label.clone(), of_label.map(|(_, probability)| probability.to_string()).unwrap_or_default()]
        }
        Answer::Labels { labels, probabilities } => {
            let each: Vec<f32> = probabilities.iter().map(|(_, probability)| *probability).collect();
            let list = [serde_json::to_string(labels), serde_json::to_string(&each)];
            list.map(|list| list.expect("plain values")).into()
        }
        Answer::Score(score) => vec![score.to_string()],
        Answer::Scores(scores) => scores.iter().map(f32::to_string).collect(),
        other => vec![serde_json::to_string(other).expect("answers are plain values")],
    }
}

impl PredictionWriter for Table {
    fn write(&mut self, rows: &[Row], predicted: &Predicted) -> Result<()> {
        for (row, prediction) in rows.iter().zip(&predicted.predictions) {
            let cells = prediction.answers.iter().flat_map(|(_, answer)| cells(answer));
            self.0.write_record(std::iter::once(row.text.clone()).chain(cells))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        match self.0.into_inner() {
            Ok(sink) => sink.finish(),
            Err(error) => Err(error.into_error().into()),
        }
    }
}
