//! Formats in which answers are written, row by row. A format a file.
//!
//! To add one: a file with a type that implements [`PredictionWriter`], and its line in [`FORMATS`].

mod csv;
mod jsonl;

use std::path::Path;

use anyhow::Result;
use umbel::Model;
use umbel::model::{Head, Predicted};
use umbel::registry::Registry;

use crate::sink::Sink;
use crate::texts::Row;

/// Writes answers as they come.
pub trait PredictionWriter {
    /// Writes the answers for each text.
    fn write(&mut self, rows: &[Row], predicted: &Predicted) -> Result<()>;

    /// Puts the file in its place.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a writer is made of.
pub struct Destination<'a> {
    /// Where the bytes go.
    pub sink: Sink,
    /// The heads that answer, in the order of their answers.
    pub heads: Vec<&'a Head>,
    /// Whether the embeddings are written too.
    pub embeddings: Embeddings,
}

/// Whether embeddings are written beside the answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Embeddings {
    /// They are.
    Kept,
    /// They are not.
    LeftOut,
}

/// Makes a writer.
pub type Open = fn(Destination<'_>) -> Result<Box<dyn PredictionWriter>>;

/// All formats, by the extension of their files.
pub static FORMATS: Registry<Open> = Registry {
    kind: "format of answers",
    entries: &[("csv", csv::open), ("jsonl", jsonl::open), ("ndjson", jsonl::open)],
};

/// The format that the file's extension says; JSON lines without one.
pub fn format(path: Option<&Path>) -> Result<Open> {
    let extension = path.and_then(Path::extension).map(|extension| extension.to_string_lossy());
    Ok(*FORMATS.find(extension.as_deref().unwrap_or("jsonl"))?)
}

/// The heads of the named tasks, or all if none is named.
pub fn heads<'a>(model: &'a Model, tasks: &[String]) -> umbel::Result<Vec<&'a Head>> {
    if tasks.is_empty() {
        return Ok(model.heads().iter().collect());
    }
    tasks.iter().map(|task| model.head(task)).collect()
}
