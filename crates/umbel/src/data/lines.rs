//! Physical lines of a file, as bytes, with their numbers.

use std::io::{self, BufRead};
use std::path::Path;

use super::compression;
use crate::error::Result;

/// Reads lines and counts them as a text editor does.
pub(super) struct Lines<R> {
    reader: R,
    line: usize,
}

impl Lines<Box<dyn BufRead + Send>> {
    /// The lines of a file, unpacked if its name says that it is compressed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        compression::open(path).map(Self::new)
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 0 }
    }

    /// Appends the next line with its end to `bytes` and returns its number, or none at the end of the file.
    pub(super) fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let start = bytes.len();
        if self.reader.read_until(b'\n', bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.line == 1 && bytes[start..].starts_with(b"\xef\xbb\xbf") {
            bytes.drain(start..start + 3); // The byte order mark that some editors write.
        }
        Ok(Some(self.line))
    }

    /// The number of the line that was read last.
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

/// A line without its end, `\n` or `\r\n`.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Bytes as text, or what is wrong with them.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("expected UTF-8, found other bytes after {} of them", error.valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_lose_the_byte_order_mark() {
        let mut lines = Lines::new(&b"\xef\xbb\xbfone\r\n\ntwo"[..]);
        let mut bytes = Vec::new();
        let mut found = Vec::new();
        while let Some(line) = lines.read(&mut bytes).unwrap() {
            found.push((line, String::from_utf8(without_end(&bytes).to_vec()).unwrap()));
            bytes.clear();
        }
        assert_eq!(found, [(1, "one".into()), (2, String::new()), (3, "two".into())]);
    }
}
