//! Many records of bytes: in memory while they are few, in a file that is mapped when they are many.
//!
//! So rows may take more room than there is memory: the operating system reads and drops pages of the file as it sees
//! fit. The file has no name and is gone with the process, however that ends.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mapped::Mapped;

use crate::error::{Error, Result};

/// More bytes than this lie in a file.
const IN_MEMORY: usize = if cfg!(test) { 256 } else { 64 << 20 };

/// Records of bytes, some of which may be the same bytes; a copy shares them.
#[derive(Clone, Default)]
pub struct Spool {
    bytes: Arc<Bytes>,
    records: Vec<Record>,
}

enum Bytes {
    Memory(Vec<u8>),
    File(Mapped),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy)]
struct Record {
    start: u64,
    len: u32,
}

impl Spool {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True of no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A record.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, record: usize) -> &[u8] {
        let Record { start, len } = self.records[record];
        let all = match &*self.bytes {
            Bytes::Memory(bytes) => &bytes[..],
            Bytes::File(bytes) => bytes,
        };
        &all[start as usize..start as usize + len as usize]
    }

    /// All records in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|record| self.get(record))
    }

    /// The given records, in the given order.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn select(&self, records: impl IntoIterator<Item = usize>) -> Self {
        let records = records.into_iter().map(|record| self.records[record]).collect();
        Self { bytes: self.bytes.clone(), records }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spool of {} records", self.len())
    }
}

/// Equal if the records are.
impl PartialEq for Spool {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

/// Takes records one after the other.
#[derive(Default)]
pub struct SpoolWriter {
    // What is not in the file yet, or all if there is none.
    memory: Vec<u8>,
    file: Option<(PathBuf, BufWriter<File>)>,
    len: u64,
    records: Vec<Record>,
}

impl SpoolWriter {
    /// Adds a record.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written, as on a full disk; [`Error::Settings`] of a record of 4 GiB or more.
    pub fn push(&mut self, record: &[u8]) -> Result<()> {
        let Ok(len) = u32::try_from(record.len()) else {
            return Err(Error::Settings(format!(
                "a text or label has {} bytes; expected less than 4 GiB",
                record.len()
            )));
        };
        self.records.push(Record { start: self.len, len });
        self.len += u64::from(len);
        if self.file.is_none() && self.memory.len() + record.len() <= IN_MEMORY {
            self.memory.extend_from_slice(record);
            return Ok(());
        }
        let (dir, file) = match self.file.take() {
            Some(open) => self.file.insert(open),
            None => {
                let dir = folder();
                let file = tempfile::tempfile_in(&dir).map_err(Error::io(&dir))?;
                let mut file = BufWriter::with_capacity(1 << 20, file);
                file.write_all(&std::mem::take(&mut self.memory)).map_err(Error::io(&dir))?;
                self.file.insert((dir, file))
            }
        };
        file.write_all(record).map_err(Error::io(dir))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True of no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records, to be read.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written or mapped.
    pub fn finish(self) -> Result<Spool> {
        let Self { memory, file, records, .. } = self;
        let bytes = match file {
            None => Bytes::Memory(memory),
            Some((dir, file)) => {
                let mapped = file
                    .into_inner()
                    .map_err(io::IntoInnerError::into_error)
                    .and_then(|file| Mapped::of(&file));
                Bytes::File(mapped.map_err(Error::io(&dir))?)
            }
        };
        Ok(Spool { bytes: Arc::new(bytes), records })
    }
}

/// The folder of files: `TMPDIR` if it is set, else `/var/tmp`, which lies on a disk where `/tmp` may lie in memory.
fn folder() -> PathBuf {
    let disk = Path::new("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if disk.is_dir() => disk.to_path_buf(),
        _ => std::env::temp_dir(),
    }
}

/// Strings, as a [`Spool`] keeps them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Strings(Spool);

impl Strings {
    /// Strings that are there already.
    ///
    /// # Errors
    /// As [`SpoolWriter::push`].
    pub fn new<'a>(strings: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut writer = SpoolWriter::default();
        strings.into_iter().try_for_each(|string| writer.push(string.as_bytes()))?;
        Self::finish(writer)
    }

    /// The strings whose bytes were pushed, each as a whole.
    ///
    /// # Errors
    /// As [`SpoolWriter::finish`].
    pub fn finish(writer: SpoolWriter) -> Result<Self> {
        writer.finish().map(Self)
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True of no strings.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A string.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, string: usize) -> &str {
        std::str::from_utf8(self.0.get(string)).expect("only strings are pushed")
    }

    /// All strings in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|string| self.get(string))
    }

    /// All strings in their order, `n` at a time.
    pub fn chunks(&self, n: usize) -> impl Iterator<Item = Vec<&str>> {
        let chunk =
            move |start: usize| (start..self.len().min(start + n)).map(|string| self.get(string)).collect();
        (0..self.len()).step_by(n).map(chunk)
    }

    /// The given strings, in the given order.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn select(&self, strings: impl IntoIterator<Item = usize>) -> Self {
        Self(self.0.select(strings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_same_in_memory_and_in_a_file() {
        for n in [0, 3, 200] {
            let texts: Vec<String> = (0..n).map(|i| "ä".repeat(i % 7) + &i.to_string()).collect();
            let strings = Strings::new(texts.iter().map(String::as_str)).unwrap();
            assert_eq!(matches!(&*strings.0.bytes, Bytes::File(_)), n == 200, "{n}");
            assert!(strings.iter().eq(texts.iter().map(String::as_str)));
        }
    }

    #[test]
    fn a_selection_has_records_in_its_order_and_again() {
        let strings = Strings::new(["a", "", "c"]).unwrap();
        let selected = strings.select([2, 1, 2]);
        assert_eq!(selected.iter().collect::<Vec<_>>(), ["c", "", "c"]);
        assert_eq!(selected, Strings::new(["c", "", "c"]).unwrap());
        assert_ne!(selected, strings);
    }

    #[test]
    fn a_record_longer_than_the_memory_is_kept() {
        let mut writer = SpoolWriter::default();
        writer.push(&[7; 1000]).unwrap();
        writer.push(b"x").unwrap();
        let spool = writer.finish().unwrap();
        assert_eq!((spool.get(0), spool.get(1)), (&[7; 1000][..], &b"x"[..]));
    }
}
