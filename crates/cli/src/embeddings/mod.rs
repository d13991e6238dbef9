//! Formats in which embeddings are written, row by row. A format a file.
//!
//! To add one: a file with a type that implements [`EmbeddingWriter`], and its line in [`FORMATS`].

mod binary;
mod jsonl;
mod npy;
mod safetensors;

use std::path::Path;

use anyhow::{Result, bail};
use umbel::folder::write::PendingFile;
use umbel::nn::Matrix;
use umbel::registry::Registry;

use crate::texts::Row;

/// Writes embeddings as they come.
pub trait EmbeddingWriter {
    /// Writes a row for each text.
    fn write(&mut self, rows: &[Row], embeddings: &Matrix) -> Result<()>;

    /// Writes what can be known only at the end, and puts the file in its place.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a writer is made of.
pub struct Destination<'a> {
    /// The file; standard output if there is none.
    pub path: Option<&'a Path>,
    /// Numbers of an embedding.
    pub size: usize,
    /// Whether the texts are written too, where the format has a place for them.
    pub texts: Texts,
}

/// Whether texts are written beside their embeddings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// They are.
    Kept,
    /// They are not.
    LeftOut,
}

/// Makes a writer.
pub type Open = fn(&Destination<'_>) -> Result<Box<dyn EmbeddingWriter>>;

/// All formats by name, which is also the extension of such files.
pub static FORMATS: Registry<Open> = Registry {
    kind: "embedding format",
    entries: &[("jsonl", jsonl::open), ("npy", npy::open), ("safetensors", safetensors::open)],
};

/// The format of that name, or the one that the file's extension says, or JSON lines.
pub fn format(name: Option<&str>, path: Option<&Path>) -> Result<Open> {
    let extension = path.and_then(Path::extension).map(|extension| extension.to_string_lossy());
    Ok(*FORMATS.find(name.or(extension.as_deref()).unwrap_or("jsonl"))?)
}

/// The file of a format whose first bytes can be written only at the end.
fn file(destination: &Destination<'_>, format: &str) -> Result<PendingFile> {
    match destination.path {
        Some(path) => Ok(PendingFile::create(path)?),
        None => bail!(
            "{format} begins with the number of rows, which is known only at the end: \
             expected `-o FILE`, found standard output; `--format jsonl` can be piped"
        ),
    }
}
