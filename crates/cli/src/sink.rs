//! Where a stream of results goes: standard output, or a file that appears when it is complete.

use std::io::{self, BufWriter, Stdout, Write};
use std::path::Path;

use anyhow::Result;
use umbel::folder::write::PendingFile;

/// Where a stream of results goes.
pub enum Sink {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// A file that appears when it is complete.
    File(PendingFile),
}

impl Sink {
    /// A file if there is a path, else standard output.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        Ok(match path {
            Some(path) => Self::File(PendingFile::create(path)?),
            None => Self::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())),
        })
    }

    /// Shows what was written so far, if it is to be seen before the end.
    pub fn show(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(_) => Ok(()),
        }
    }

    /// Puts the file in its place.
    pub fn finish(mut self) -> Result<()> {
        self.show()?;
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => Ok(file.commit()?),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}
