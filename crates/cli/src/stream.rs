//! Texts through a model chunk by chunk, with progress on the way and a word about cut texts at the end.

use std::path::Path;

use anyhow::Result;
use umbel::Model;

use crate::output::Output;
use crate::text_progress::TextProgress;
use crate::texts::{Row, Texts};
use crate::truncation::warn_of_truncation;

/// Texts on their way through a model.
pub struct Stream<'a> {
    /// The model.
    pub model: &'a Model,
    /// The texts.
    pub texts: Texts,
    /// Where progress and warnings go.
    pub output: &'a Output,
    /// The file of results, if they do not go to stdout.
    pub path: Option<&'a Path>,
}

impl Stream<'_> {
    /// Gives every chunk to `answer`, which computes and writes it and says how many of its texts were cut;
    /// then calls `finish`.
    pub fn run<W>(
        mut self,
        mut writer: W,
        mut answer: impl FnMut(&mut W, &mut Texts, &mut Vec<Row>) -> Result<usize>,
        finish: impl FnOnce(W) -> Result<()>,
    ) -> Result<()> {
        let mut progress = TextProgress::new(self.output, self.path);
        let mut n_truncated = 0;
        loop {
            let mut rows = self.texts.next_chunk()?;
            if rows.is_empty() {
                break;
            }
            n_truncated += answer(&mut writer, &mut self.texts, &mut rows)?;
            progress.add(rows.len());
        }
        finish(writer)?;
        progress.finish(self.path);
        self.texts.report(self.output);
        warn_of_truncation(self.output, self.model, n_truncated, progress.n_texts());
        Ok(())
    }
}
