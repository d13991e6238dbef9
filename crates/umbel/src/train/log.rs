//! `metrics.jsonl`: a line a step and a line an epoch.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::report::{EpochReport, StepReport};
use crate::error::{Error, Result};

/// `metrics.jsonl`: a line a step and a line an epoch.
pub(super) struct Log {
    path: PathBuf,
    file: BufWriter<File>,
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
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.set_len(bytes.min(file.metadata()?.len()))?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(Error::io(&path))?;
        Ok(Self { file: BufWriter::new(file), path })
    }

    pub(super) fn step(&mut self, report: &StepReport) -> Result<()> {
        self.line(&Line { event: "step", report })
    }

    pub(super) fn epoch(&mut self, report: &EpochReport) -> Result<()> {
        self.line(&Line { event: "epoch", report })
    }

    /// Writes out all lines and says how many bytes they are.
    pub(super) fn flush(&mut self) -> Result<u64> {
        self.file.flush().and_then(|()| self.file.stream_position()).map_err(Error::io(&self.path))
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(line).expect("plain values");
        writeln!(self.file, "{json}").map_err(Error::io(&self.path))
    }
}
