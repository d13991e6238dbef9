//! What a save asks of the disk, each operation of which a test can make fail.
//!
//! Builds with debug assertions count these operations on each thread. `UMBEL_FAILPOINT=abort:17` ends the process in
//! the 17th, `error:17` makes it fail, and `full:17` fills the disk there: it and all that come after it fail. Release
//! builds know nothing of this.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

#[cfg(test)]
pub(crate) use faults::{Fault, arm, disarm};

/// A file that is being written.
#[derive(Debug)]
pub struct DiskFile(File);

impl DiskFile {
    /// A new file; there must be none at `path`.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        point()?;
        File::create_new(path).map(Self)
    }

    /// A file to be written on from its end, after it was cut to at most so many bytes.
    pub(crate) fn append(path: &Path, bytes: u64) -> io::Result<Self> {
        point()?;
        let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.set_len(bytes.min(file.metadata()?.len()))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// Waits until all of it is on the disk.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        point()?;
        self.0.sync_all()
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(any(test, debug_assertions))]
        if let Some(fault) = faults::next() {
            self.0.write_all(&bytes[..bytes.len() / 2])?; // As a full disk takes what still fits.
            fault.strike()?;
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for DiskFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Renames a file or a folder.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    point()?;
    fs::rename(from, to)
}

/// Makes a folder whose parent is there.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    point()?;
    fs::create_dir(path)
}

/// Waits until the names in a folder are on the disk, as after a rename.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    point()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// An operation that may be made to fail.
#[inline]
fn point() -> io::Result<()> {
    #[cfg(any(test, debug_assertions))]
    if let Some(fault) = faults::next() {
        fault.strike()?;
    }
    Ok(())
}

#[cfg(any(test, debug_assertions))]
mod faults {
    use std::cell::Cell;
    use std::io;

    /// How an operation fails.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// With an error, once.
        Error,
        /// As on a full disk, and so do all that follow.
        Full,
        /// The process ends.
        Abort,
    }

    impl Fault {
        /// Fails.
        pub(super) fn strike(self) -> io::Result<()> {
            match self {
                Self::Error => Err(io::Error::other("made to fail")),
                Self::Full => Err(io::ErrorKind::StorageFull.into()),
                Self::Abort => std::process::abort(),
            }
        }
    }

    thread_local! {
        // What happens in the operation after so many others.
        static ARMED: Cell<Option<(Fault, u64)>> = Cell::new(from_environment());
    }

    /// What happens in this operation, if anything does.
    pub(super) fn next() -> Option<Fault> {
        let (fault, left) = ARMED.get()?;
        let left = left.saturating_sub(1);
        ARMED.set((left > 0 || fault == Fault::Full).then_some((fault, left)));
        (left == 0).then_some(fault)
    }

    /// Makes the n-th operation from now on this thread fail, counted from 1.
    #[cfg(test)]
    pub(crate) fn arm(fault: Fault, n: u64) {
        ARMED.set(Some((fault, n)));
    }

    /// Lets operations succeed again; true if none has failed.
    #[cfg(test)]
    pub(crate) fn disarm() -> bool {
        ARMED.take().is_some_and(|(_, left)| left > 0)
    }

    fn from_environment() -> Option<(Fault, u64)> {
        let value = std::env::var("UMBEL_FAILPOINT").ok()?;
        let (fault, n) = value.split_once(':')?;
        let fault = match fault {
            "error" => Fault::Error,
            "full" => Fault::Full,
            "abort" => Fault::Abort,
            _ => return None,
        };
        Some((fault, n.parse().ok().filter(|n| *n > 0)?))
    }
}
