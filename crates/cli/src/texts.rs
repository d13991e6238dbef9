//! Texts from files or standard input, in chunks as they come, never all of them in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use umbel::Model;
use umbel::data::TextSource;
use umbel::error::{BadRow, BadRows, Error};
use umbel::settings::files::expand;

use crate::output::Output;

/// Where texts come from.
#[derive(clap::Args)]
pub struct TextArgs {
    /// Files with texts, or patterns as `'data/*.jsonl'`: `.txt` has one a line; `.jsonl`, `.csv`, `.tsv` and
    /// `.parquet` have a column of them; all but Parquet may end in `.gz` or `.zst`. Standard input if there is
    /// none or for `-`: one text a line, or JSON lines.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The column or key that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,

    /// Leave rows out that hold no text, and report them at the end; without this, the first one is an error.
    #[arg(long)]
    skip_bad_rows: bool,

    /// How many texts are read and computed together; more are a little faster and take more memory.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
}

/// A text and where it stands.
pub struct Row {
    /// The text.
    pub text: String,
    /// The texts of the other columns that were asked for.
    pub others: Vec<Vec<String>>,
    file: Arc<Path>,
    line: usize,
}

impl AsRef<str> for Row {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl TextArgs {
    /// Looks whether the files are there and have texts, and begins to read them.
    pub fn open(&self) -> Result<Texts> {
        self.open_with(&self.check()?, &[])
    }

    /// The files, which are there and have texts.
    pub fn check(&self) -> Result<Vec<PathBuf>> {
        let files = if self.files.is_empty() { vec![PathBuf::from("-")] } else { expand(&self.files)? };
        for path in files.iter().filter(|path| !is_stdin(path) && !is_pipe(path)) {
            TextSource::open(Some(path), &self.text_column)?;
        }
        Ok(files)
    }

    /// Begins to read files, with the texts of other columns where a row has them.
    pub fn open_with(&self, files: &[PathBuf], others: &[String]) -> Result<Texts> {
        let columns = std::iter::once(&self.text_column).chain(others).cloned().collect();
        Ok(Texts::new(files.to_vec(), columns, self.skip_bad_rows, self.batch as usize))
    }
}

/// All texts of a file, or of standard input.
pub fn read_all(path: Option<&Path>, column: &str) -> Result<Vec<String>> {
    let source = TextSource::open(path, column)?;
    source.map(|text| text.map(|text| text.text).map_err(|bad| anyhow!("{bad}"))).collect()
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// True of what can be opened only once, as a pipe with a name.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Texts in chunks as they come.
pub struct Texts {
    coming: Receiver<Coming>,
    skip_bad_rows: bool,
    batch: usize,
    bad: BadRows,
    // What ends the stream once the rows before it are done.
    stop: Option<anyhow::Error>,
}

/// What the reading thread has to say: a text, a bad row, or that a file cannot be read.
enum Coming {
    Row(Row),
    Bad(BadRow),
    Failed(Error),
}

/// A chunk that is not full goes on when nothing has come for so long, so that whoever types is answered.
const PATIENCE: Duration = Duration::from_millis(20);

impl Texts {
    fn new(files: Vec<PathBuf>, columns: Vec<String>, skip_bad_rows: bool, batch: usize) -> Self {
        let (sender, coming) = sync_channel(batch);
        // The thread is left alone: it may wait for standard input when the program is done.
        thread::spawn(move || read(&files, &columns, &sender));
        Self { coming, skip_bad_rows, batch, bad: BadRows::default(), stop: None }
    }

    /// The next texts; none at the end.
    pub fn next_chunk(&mut self) -> Result<Vec<Row>> {
        if let Some(stop) = self.stop.take() {
            return Err(stop);
        }
        let mut rows = Vec::new();
        while rows.len() < self.batch
            && let Some(coming) = self.receive(rows.is_empty())
        {
            match coming {
                Coming::Row(row) => rows.push(row),
                Coming::Bad(bad) if self.skip_bad_rows => self.bad.push(bad),
                Coming::Bad(bad) => self.stop = Some(refused(&bad)),
                Coming::Failed(error) => self.stop = Some(error.into()),
            }
            if self.stop.is_some() {
                break;
            }
        }
        match self.stop.take_if(|_| rows.is_empty()) {
            Some(stop) => Err(stop),
            None => Ok(rows),
        }
    }

    fn receive(&self, is_first: bool) -> Option<Coming> {
        if is_first { self.coming.recv().ok() } else { self.coming.recv_timeout(PATIENCE).ok() }
    }

    /// Computes on a chunk; rows whose text the encoder cannot read are bad, and leave the chunk if such are
    /// to be left out.
    pub fn compute<T>(
        &mut self,
        model: &Model,
        rows: &mut Vec<Row>,
        compute: impl Fn(&[Row]) -> umbel::Result<T>,
    ) -> Result<T> {
        match compute(rows) {
            Err(Error::Text { .. }) => {}
            done => return Ok(done?),
        }
        for (i, problem) in model.unreadable(rows).into_iter().rev() {
            let Row { file, line, .. } = rows.remove(i);
            let bad = BadRow { path: file.to_path_buf(), line, column: None, problem };
            if !self.skip_bad_rows {
                return Err(refused(&bad));
            }
            self.bad.push(bad);
        }
        Ok(compute(rows)?)
    }

    /// Reports the rows that were left out.
    pub fn report(&self, output: &Output) {
        if self.bad.count() > 0 {
            output.warn(format_args!("left out {}", self.bad));
        }
    }
}

fn refused(bad: &BadRow) -> anyhow::Error {
    anyhow!("{bad} (`--skip-bad-rows` leaves such rows out)")
}

/// Sends what the files hold until it is all sent or nobody listens any more.
fn read(files: &[PathBuf], columns: &[String], sender: &SyncSender<Coming>) {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    for path in files {
        let source = match TextSource::open_with(Some(path), &columns) {
            Ok(source) => source,
            Err(error) => {
                let _ = sender.send(Coming::Failed(error)); // Nobody listens: nothing is lost.
                return;
            }
        };
        let file: Arc<Path> =
            if is_stdin(path) { Path::new("<stdin>").into() } else { path.as_path().into() };
        for text in source {
            let coming = match text {
                Ok(text) => {
                    let file = Arc::clone(&file);
                    Coming::Row(Row { text: text.text, others: text.others, file, line: text.line })
                }
                Err(bad) => Coming::Bad(bad),
            };
            if sender.send(coming).is_err() {
                return;
            }
        }
    }
}
