//! JSON lines: `{"text": …, "embedding": […]}`.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;
use umbel::nn::Matrix;

use super::{Destination, EmbeddingWriter, Texts};
use crate::sink::Sink;
use crate::texts::Row;

struct JsonLines {
    sink: Sink,
    texts: Texts,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    embedding: &'a [f32],
}

pub(super) fn open(destination: &Destination<'_>) -> Result<Box<dyn EmbeddingWriter>> {
    Ok(Box::new(JsonLines { sink: Sink::open(destination.path)?, texts: destination.texts }))
}

impl EmbeddingWriter for JsonLines {
    fn write(&mut self, rows: &[Row], embeddings: &Matrix) -> Result<()> {
        for (row, embedding) in rows.iter().zip(embeddings.iter_rows()) {
            let text = (self.texts == Texts::Kept).then_some(&row.text[..]);
            serde_json::to_writer(&mut self.sink, &Line { text, embedding }).map_err(io::Error::from)?;
            self.sink.write_all(b"\n")?;
        }
        Ok(self.sink.show()?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.sink.finish()
    }
}
