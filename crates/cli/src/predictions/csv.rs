//! Comma separated values: the text, and of each task the label and its probability, or the score.

use anyhow::{Result, bail};
use csv::Writer;
use umbel::model::{Head, Predicted};
use umbel::task::Answer;

use super::{Destination, Embeddings, PredictionWriter};
use crate::sink::Sink;
use crate::texts::Row;

struct Table {
    writer: Writer<Sink>,
    // The tasks' names, and how many columns each has.
    tasks: Vec<(String, usize)>,
}

pub(super) fn open(destination: Destination<'_>) -> Result<Box<dyn PredictionWriter>> {
    if destination.embeddings == Embeddings::Kept {
        bail!("`--embedding` is for JSON lines; `umbel embed` writes embeddings in other formats");
    }
    let mut writer = Writer::from_writer(destination.sink);
    let task = |head: &&Head| (head.name().to_string(), head.task.columns().len());
    let tasks = destination.heads.iter().map(task).collect();
    let columns = destination.heads.into_iter().flat_map(columns);
    writer.write_record(std::iter::once("text".to_string()).chain(columns))?;
    Ok(Box::new(Table { writer, tasks }))
}

fn columns(head: &Head) -> Vec<String> {
    head.task.columns().into_iter().map(|column| format!("{}.{column}", head.name())).collect()
}

impl PredictionWriter for Table {
    fn write(&mut self, rows: &[Row], predicted: &Predicted) -> Result<()> {
        for (row, prediction) in rows.iter().zip(&predicted.predictions) {
            let cells = self.tasks.iter().flat_map(|(task, n)| {
                prediction.get(task).map_or_else(|| vec![String::new(); *n], Answer::cells)
            });
            self.writer.write_record(std::iter::once(row.text.clone()).chain(cells))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        match self.writer.into_inner() {
            Ok(sink) => sink.finish(),
            Err(error) => Err(error.into_error().into()),
        }
    }
}
