//! `metrics.jsonl`: a line a step, a line an epoch, and one for whatever else happened.

use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::report::{EpochReport, StepReport};
use super::tensorboard::Events;
use crate::error::{Error, Result};
use crate::folder::disk::DiskFile;

/// `metrics.jsonl`: a line a step and a line an epoch.
pub(super) struct Log {
    path: PathBuf,
    file: BufWriter<DiskFile>,
    // The same for TensorBoard, if that is wanted.
    events: Option<Events>,
}

#[derive(Serialize)]
struct Line<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    report: &'a T,
}

impl Log {
    /// Goes on after the first `bytes` of the log in `folder`; what a killed run wrote after them goes away.
    pub(super) fn open(folder: &Path, bytes: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join("metrics.jsonl");
        let file = DiskFile::append(&path, bytes).map_err(Error::io(&path))?;
        Ok(Self { file: BufWriter::new(file), path, events: None })
    }

    /// Writes events for TensorBoard too, beginning with those of the lines that are there.
    pub(super) fn with_events(mut self, folder: &Path) -> Result<Self> {
        self.events = Some(Events::open(folder, &self.path)?);
        Ok(self)
    }

    pub(super) fn step(&mut self, report: &StepReport) -> Result<()> {
        self.line(&Line { event: "step", report })
    }

    pub(super) fn epoch(&mut self, report: &EpochReport) -> Result<()> {
        self.line(&Line { event: "epoch", report })
    }

    /// A line for something else that happened.
    pub(super) fn event(&mut self, event: &str, report: &impl Serialize) -> Result<()> {
        self.line(&Line { event, report })
    }

    /// Puts all lines on the disk and says how many bytes they are.
    pub(super) fn flush(&mut self) -> Result<u64> {
        let mut flush = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            self.file.stream_position()
        };
        flush().map_err(Error::io(&self.path))
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(line).expect("plain values");
        writeln!(self.file, "{json}").map_err(Error::io(&self.path))?;
        match &mut self.events {
            Some(events) => events.add(&serde_json::from_str(&json).expect("it was just written")),
            None => Ok(()),
        }
    }
}
