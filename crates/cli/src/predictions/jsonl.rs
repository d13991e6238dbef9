//! JSON lines: `{"text": …, "<task>": {…}, …, "embedding": […]}`.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;
use umbel::model::{Predicted, Prediction};

use super::{Destination, Embeddings, PredictionWriter};
use crate::sink::Sink;
use crate::texts::Row;

struct JsonLines {
    sink: Sink,
    embeddings: Embeddings,
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    #[serde(flatten)]
    prediction: &'a Prediction,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a [f32]>,
}

pub(super) fn open(destination: Destination<'_>) -> Result<Box<dyn PredictionWriter>> {
    Ok(Box::new(JsonLines { sink: destination.sink, embeddings: destination.embeddings }))
}

impl PredictionWriter for JsonLines {
    fn write(&mut self, rows: &[Row], predicted: &Predicted) -> Result<()> {
        let answers = predicted.predictions.iter().zip(predicted.embeddings.iter_rows());
        for (row, (prediction, embedding)) in rows.iter().zip(answers) {
            let embedding = (self.embeddings == Embeddings::Kept).then_some(embedding);
            let line = Line { text: &row.text, prediction, embedding };
            serde_json::to_writer(&mut self.sink, &line).map_err(io::Error::from)?;
            self.sink.write_all(b"\n")?;
        }
        Ok(self.sink.show()?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.sink.finish()
    }
}
