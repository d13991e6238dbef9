//! A read-only memory-mapped file, behind a safe function.
//!
//! Model weights are read through this, so that a process touches only the pages it uses and several
//! processes share them. It is a crate of its own so that all others but the kernels can forbid `unsafe`.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file, mapped read-only.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps a file.
    ///
    /// umbel replaces files by renaming a finished one over them and never writes into a file in place, so
    /// a mapping keeps the bytes it was opened with. A file that another program truncates while it is
    /// mapped ends the process with `SIGBUS`, as with every mapped file.
    ///
    /// # Errors
    /// If the file cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }

    /// Maps a file that is open for reading, as [`Mapped::open`] does. A file without a name cannot be changed by
    /// others; whoever wrote it must be done with it.
    ///
    /// # Errors
    /// If the file cannot be mapped.
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the map is private and read-only, and the bytes are only ever handed out as `&[u8]`; what
        // remains is a change of the file from outside, which the documentation of `open` names.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Self(map))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_has_the_bytes_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"stem and heads").unwrap();
        assert_eq!(&*Mapped::open(file.path()).unwrap(), b"stem and heads");
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(Mapped::open(Path::new("/nonexistent/model.safetensors")).is_err());
    }
}
